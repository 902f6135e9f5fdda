/// What becomes of replies, good and bad.
#include "routedk/io/jsonl.h"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "distill/endpoint.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(Endpoint, replies_keep_the_order_of_requests_at_most_so_many_at_a_time) {
  std::atomic<int> present = 0;
  std::atomic<int> most = 0;
  server_.usually([&](const httplib::Request& request, httplib::Response& response) {
    const int now = ++present;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    --present;
    response.set_content(
        completion(io::Json::parse(request.body)["messages"][0]["content"].get<std::string>()),
        "application/json");
  });
  options_.concurrency = 3;
  std::vector<ChatRequest> requests;
  for (int i = 0; i < 9; ++i) {
    requests.push_back({{{"user", std::to_string(i)}}, 1});
  }
  const auto replies = ask(requests);
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(replies[static_cast<std::size_t>(i)].text, std::to_string(i));
  }
  EXPECT_EQ(most, 3);
}

TEST_F(Endpoint, a_reply_cut_by_the_limit_is_not_finished_and_missing_usage_is_estimated) {
  server_.script({body(R"({"choices": [{"message": {"content": "so far"}, "finish_reason": "length"}]})")});
  const auto replies = ask();
  EXPECT_FALSE(replies[0].finished);
  EXPECT_EQ(replies[0].text, "so far");
  EXPECT_TRUE(replies[0].estimated);
  EXPECT_EQ(replies[0].prompt_tokens, 1);      // "hi"
  EXPECT_EQ(replies[0].completion_tokens, 2);  // "so far"
}

TEST_F(Endpoint, a_key_in_a_good_reply_is_covered_in_every_form) {
  options_.key = "sk-very-secret-0123";
  server_.usually(
      body(completion("say sk-very-secret-0123 or sk-very-\\nsecret-01 23 or c2stdmVyeS1zZWNyZXQtMDEyMw==")));
  const std::string text = ask()[0].text;
  EXPECT_EQ(text.find("secret"), std::string::npos) << text;
  EXPECT_EQ(text.find("c2st"), std::string::npos) << text;
  EXPECT_THAT(text, HasSubstr("say *** or *** or ***"));
}

TEST_F(Endpoint, what_is_no_chat_completion_is_asked_for_again) {
  server_.script({body(R"({"choices": [{"mess)"), body(R"({"choices": []})"), body("[]"), body(""),
                  body(R"({"choices": [{"message": {"content": 7}}]})"),
                  body(R"({"choices": {"message": "x"}})"), body(std::string(5000, '['))});
  options_.attempts = 8;
  EXPECT_EQ(ask()[0].text, "hello");
  EXPECT_EQ(sent(), 8U);
}

TEST_F(Endpoint, what_stays_no_chat_completion_is_refused_alone_with_the_endpoints_words) {
  options_.attempts = 2;
  server_.usually([](const httplib::Request& request, httplib::Response& response) {
    const bool bad = request.body.find("bad") != std::string::npos;
    response.set_content(
        bad ? R"({"error": {"message": "out of credit", "code": 402}, "choices": null})" : completion("good"),
        "application/json");
  });
  const auto replies = ask({{{{"user", "a"}}, 1}, {{{"user", "bad"}}, 2}});
  EXPECT_EQ(replies[0].text, "good");
  EXPECT_THAT(replies[1].refusal, HasSubstr("out of credit"));
  EXPECT_EQ(sent(), 3U);
}

TEST_F(Endpoint, a_refused_request_is_refused_alone) {
  server_.usually([](const httplib::Request& request, httplib::Response& response) {
    if (request.body.find("bad") != std::string::npos) {
      return status(400, {}, R"({"error": {"message": "too long"}})")(request, response);
    }
    response.set_content(completion("good"), "application/json");
  });
  options_.concurrency = 2;
  const auto replies = ask({{{{"user", "a"}}, 1}, {{{"user", "bad"}}, 2}, {{{"user", "c"}}, 3}});
  EXPECT_EQ(replies[0].text, "good");
  EXPECT_EQ(replies[2].text, "good");
  EXPECT_EQ(replies[0].refusal, "");
  EXPECT_THAT(replies[1].refusal, HasSubstr("answers 400 (\"too long\")"));
  EXPECT_EQ(replies[1].text, "");
  EXPECT_EQ(sent(), 3U);
}

TEST_F(Endpoint, replies_that_came_before_an_error_are_heard) {
  server_.script({body(completion("paid for")), status(401)});
  options_.concurrency = 1;
  EndpointModel model(options_);
  const std::vector<ChatRequest> requests(3, ChatRequest{{{"user", "hi"}}, 1});
  std::vector<std::string> heard;
  const auto hear = [&](std::size_t, const ChatReply& reply) { heard.push_back(reply.text); };
  EXPECT_THROW(model.ask(requests, hear), ConfigError);
  EXPECT_THAT(heard, ElementsAre("paid for"));
  EXPECT_EQ(sent(), 2U);
}

TEST_F(Endpoint, a_response_longer_than_allowed_is_refused) {
  options_.http.max_bytes = 1000;
  options_.attempts = 1;
  server_.usually(body(std::string(1001, 'x')));
  EXPECT_THAT(error<SystemError>(), HasSubstr("at most 1000 bytes"));
  server_.usually(body(completion("fits")));
  EXPECT_EQ(ask()[0].text, "fits");
}

}  // namespace
}  // namespace routedk::distill
