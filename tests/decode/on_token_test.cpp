#include "routedk/decode/decoder.h"

#include <map>
#include <stdexcept>

#include "support/tiny_llama.h"
#include <gtest/gtest.h>

namespace routedk::decode {
namespace {

constexpr text::TokenId kEndOfTurn = 0;
const std::vector<Prompt> kPrompts = {{{3, 9, 27}, 1}, {{11, 5}, 2}};

experts::RoutedModel bare_model() {
  const model::LoadOptions options{model::Quant::kNone, false, kernels::Precision::kFloat32};
  return experts::without_experts(
      std::make_shared<const model::Backbone>(model::Backbone::random(testing::tiny_config(), options, 7)));
}

GenerateOptions options() {
  return {.samples = 3,
          .sampling = {.temperature = 1.0},
          .max_new_tokens = 20,
          .end_of_turn = kEndOfTurn,
          .seed = 5};
}

TEST(OnToken, hears_every_drawn_token_of_every_sample_in_order) {
  GenerateOptions heard_by = options();
  std::map<std::pair<std::size_t, std::int64_t>, std::vector<text::TokenId>> heard;
  heard_by.on_token = [&](std::size_t prompt, std::int64_t sample, text::TokenId token) {
    heard[{prompt, sample}].push_back(token);
  };
  const experts::SingleExpertGate gate(-1, 1);
  const auto generations = generate(bare_model(), gate, kPrompts, heard_by);
  ASSERT_EQ(heard.size(), 6U);
  for (const auto& [place, tokens] : heard) {
    const Candidate& candidate = generations[place.first].candidates[static_cast<std::size_t>(place.second)];
    std::vector<text::TokenId> drawn = candidate.ids;
    if (candidate.finished) {
      drawn.push_back(kEndOfTurn);
    }
    EXPECT_EQ(tokens, drawn);
  }
}

TEST(OnToken, what_it_throws_ends_the_generation_before_the_next_token) {
  GenerateOptions stopped = options();
  stopped.samples = 1;
  int heard = 0;
  stopped.on_token = [&](std::size_t, std::int64_t, text::TokenId) {
    if (++heard == 2) {
      throw std::runtime_error("enough");
    }
  };
  const experts::SingleExpertGate gate(-1, 1);
  EXPECT_THROW(generate(bare_model(), gate, std::span(kPrompts).first(1), stopped), std::runtime_error);
  EXPECT_EQ(heard, 2);
}

}  // namespace
}  // namespace routedk::decode
