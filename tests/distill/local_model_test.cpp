#include "routedk/distill/local_model.h"

#include "routedk/bundle/answer.h"

#include <string>
#include <vector>

#include "support/real_model.h"
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

class LocalModelOfSmolLm : public testing::RealModel {
 protected:
  static LocalModel local(double temperature, std::int64_t max_tokens) {
    return {testing::real_model(), encoder(), {temperature, max_tokens, 3}};
  }
  static bundle::SessionEncoder encoder() { return bundle::SessionEncoder::load(testing::real_model_path()); }
};

/// Greedy decoding by the backbone alone, everything recomputed for each token.
std::string naive_reply(const bundle::SessionEncoder& encoder, const std::vector<text::ChatMessage>& messages,
                        std::size_t tokens) {
  const at::NoGradGuard no_grad;
  const model::Backbone& backbone = *testing::real_model();
  std::vector<text::TokenId> ids = encoder.prompt(messages);
  const std::size_t prompt = ids.size();
  while (ids.size() < prompt + tokens) {
    const auto batch = model::FlatBatch::make({ids}, {static_cast<std::int64_t>(ids.size())});
    const at::Tensor hidden = backbone.forward(batch);
    const auto next = backbone.logits(hidden.narrow(0, hidden.size(0) - 1, 1)).argmax().item<std::int64_t>();
    if (next == encoder.end_of_turn()) {
      break;
    }
    ids.push_back(static_cast<text::TokenId>(next));
  }
  return encoder.tokenizer().decode(std::span(ids).subspan(prompt));
}

TEST_F(LocalModelOfSmolLm, a_greedy_reply_is_the_backbones_likeliest_text) {
  LocalModel model = local(0.0, 8);
  const std::vector<text::ChatMessage> messages{{"user", "What is the capital of France?"}};
  const ChatReply reply = model.ask(std::vector<ChatRequest>{{messages, 1}})[0];
  EXPECT_EQ(reply.text, naive_reply(encoder(), messages, 8));
  EXPECT_EQ(reply.prompt_tokens, static_cast<std::int64_t>(encoder().prompt(messages).size()));
  EXPECT_LE(reply.completion_tokens, 8);
}

TEST_F(LocalModelOfSmolLm, an_answer_is_canonical_and_text_beside_it_is_free) {
  LocalModel model = local(0.7, 120);
  const std::vector<text::ChatMessage> messages{{"user", "Say a word."}};
  const auto replies = model.ask(std::vector<ChatRequest>{{messages, 1, 3}, {messages, 2}, {messages, 3, 3}});
  ASSERT_EQ(replies.size(), 3U);
  for (const std::size_t i : {0, 2}) {
    const auto answer = bundle::parse_answer(replies[i].text, 3);
    ASSERT_TRUE(answer.has_value()) << replies[i].text;
    EXPECT_EQ(bundle::canonical_answer(*answer), replies[i].text);
  }
  EXPECT_FALSE(bundle::parse_answer(replies[1].text, 3).has_value());
}

TEST_F(LocalModelOfSmolLm, a_reply_at_the_limit_is_not_finished) {
  LocalModel model = local(0.0, 2);
  const ChatReply reply = model.ask(std::vector<ChatRequest>{{{{"user", "Tell a long story."}}, 1}})[0];
  EXPECT_FALSE(reply.finished);
  EXPECT_EQ(reply.completion_tokens, 2);
}

}  // namespace
}  // namespace routedk::distill
