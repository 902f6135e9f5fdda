#include "routedk/distill/chat_completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

using ::testing::HasSubstr;

const ChatRequest kRequest{{{"user", "twelve bytes"}}, 1};

ChatReply reply_of(const std::string& message, const std::string& reason = "stop",
                   const std::string& rest = "") {
  return chat_reply(
      R"({"choices": [{"message": )" + message + R"(, "finish_reason": ")" + reason + "\"}]" + rest + "}",
      kRequest);
}

NoCompletion none_of(const std::string& body) {
  try {
    chat_reply(body, kRequest);
  } catch (const NoCompletion& none) {
    return none;
  }
  return {"a reply"};
}

TEST(ChatCompletion, of_content_in_parts_the_texts_count) {
  const ChatReply reply =
      reply_of(R"({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                                                   {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]})");
  EXPECT_EQ(reply.text, "ab");
  EXPECT_EQ(reply.problem, "");
}

TEST(ChatCompletion, a_message_without_text_says_why) {
  EXPECT_THAT(reply_of(R"({"content": null, "reasoning_content": "x"})").problem, HasSubstr("only thinking"));
  EXPECT_THAT(reply_of(R"({"content": null, "refusal": "I will not"})").problem,
              HasSubstr("refuses: I will not"));
  EXPECT_THAT(reply_of(R"({"content": null, "tool_calls": [{"id": "1"}]})").problem,
              HasSubstr("calls tools"));
  EXPECT_THAT(reply_of(R"({"content": ""})", "content_filter").problem, HasSubstr("filter"));
  EXPECT_THAT(reply_of(R"({"content": " \n"})").problem, HasSubstr("no text"));
  const ChatReply cut = reply_of(R"({"content": null, "reasoning_content": "x"})", "length");
  EXPECT_FALSE(cut.finished);
  EXPECT_EQ(cut.problem, "");
}

TEST(ChatCompletion, usage_that_is_missing_or_zero_is_estimated) {
  const ChatReply counted = reply_of(R"({"content": "abcde"})", "stop",
                                     R"(, "usage": {"prompt_tokens": 7, "completion_tokens": 2})");
  EXPECT_EQ(counted.prompt_tokens, 7);
  EXPECT_FALSE(counted.estimated);
  for (const char* usage :
       {"", R"(, "usage": null)", R"(, "usage": {"prompt_tokens": 0, "completion_tokens": 0})",
        R"(, "usage": {"prompt_tokens": -5, "completion_tokens": "x"})"}) {
    const ChatReply reply = reply_of(R"({"content": "abcde"})", "stop", usage);
    EXPECT_TRUE(reply.estimated) << usage;
    EXPECT_EQ(reply.prompt_tokens, 3) << usage;
    EXPECT_EQ(reply.completion_tokens, 2) << usage;
  }
  EXPECT_EQ(reply_of(R"({"content": "a", "reasoning_content": "0123456789abcdef"})").completion_tokens, 5);
}

TEST(ChatCompletion, errors_inside_and_other_bodies_are_none) {
  EXPECT_EQ(none_of(R"({"error": {"message": "out of credit", "code": 402}, "choices": null})").words,
            "out of credit");
  EXPECT_EQ(none_of(R"({"error": {"message": "out of credit", "code": 402}})").status, 402);
  EXPECT_EQ(none_of(R"({"choices": [{"error": {"message": "upstream"}, "message": {"content": ""}}]})").words,
            "upstream");
  EXPECT_THAT(none_of(R"({"choices": []})").words, HasSubstr("no `choices`"));
  EXPECT_THAT(none_of("<html>").words, HasSubstr("no JSON"));
  EXPECT_THAT(none_of(R"({"choices": [{"message": {"content": 7}}]})").words, HasSubstr("number"));
}

TEST(EndpointWords, are_found_in_every_known_form) {
  for (const char* body :
       {R"({"error": {"message": "no seed"}})", R"({"error": "no seed"})", R"({"message": "no seed"})",
        R"({"detail": "no seed"})", R"({"message": {"detail": "no seed"}})",
        R"([{"error": {"message": "no seed"}}])", R"({"errors": [{"message": "no seed"}]})", "no seed",
        " no\n seed ", R"("no seed")", "<html><body><h1>no seed</h1></body></html>"}) {
    EXPECT_EQ(endpoint_words(body), "no seed") << body;
  }
  EXPECT_EQ(
      endpoint_words(R"({"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]})"),
      "body.seed: Extra inputs are not permitted");
  EXPECT_EQ(endpoint_words(R"({"error": {"message": "unsupported", "param": "max_tokens"}})"),
            "max_tokens: unsupported");
  EXPECT_EQ(endpoint_words(""), "");
  EXPECT_EQ(endpoint_words("{"), "");
}

}  // namespace
}  // namespace routedk::distill
