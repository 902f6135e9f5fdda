#include "decode/small_models.h"
#include "support/expect_close.h"
#include <gtest/gtest.h>

namespace routedk::decode {
namespace {

using testing::generate_options;
using testing::recomputed_logits;
using testing::tiny_config;

/// Of one token's log-probability, in nats: the cache keeps keys and values in fp32, the recomputation
/// rounds.
constexpr double kRounding = 0.02;

class DecodingBfloat16 : public ::testing::TestWithParam<bool> {
 protected:
  static model::LlamaConfig config() { return GetParam() ? testing::wide_config() : tiny_config(); }

  const experts::RoutedModel model_ =
      testing::small_model(config(), GetParam(), kernels::Precision::kBFloat16);
  const experts::RouterGate gate_ = testing::router_for(config());
  const Prompt prompt_{{3, 9, 27, 11, 5}, 1};
};
INSTANTIATE_TEST_SUITE_P(Weights, DecodingBfloat16, ::testing::Bool(),
                         [](const auto& tested) { return tested.param ? "nf4" : "dense"; });

TEST_P(DecodingBfloat16, cached_tokens_have_the_log_probabilities_of_full_recomputation) {
  const at::NoGradGuard no_grad;
  for (const double temperature : {0.0, 1.0}) {
    const Candidate candidate =
        generate(model_, gate_, {&prompt_, 1}, generate_options(1, temperature))[0].candidates[0];
    std::vector<std::int32_t> tokens = candidate.ids;
    if (candidate.finished) {
      tokens.push_back(testing::kEnd);
    }
    double logprob = 0.0;
    std::vector<std::int32_t> before;
    for (const std::int32_t token : tokens) {
      const at::Tensor logprobs = at::log_softmax(recomputed_logits(model_, gate_, prompt_.ids, before), 0);
      logprob += logprobs[token].item<double>();
      if (temperature == 0.0) {  // the most probable, up to rounding
        EXPECT_GE(logprobs[token].item<double>(), logprobs.max().item<double>() - 2 * kRounding);
      }
      before.push_back(token);
    }
    EXPECT_NEAR(candidate.logprob, logprob, kRounding * static_cast<double>(tokens.size()));
  }
}

TEST_P(DecodingBfloat16, the_logits_are_near_those_of_float32) {
  const at::NoGradGuard no_grad;
  const experts::RoutedModel exact = testing::small_model(config(), GetParam());
  const at::Tensor wanted = recomputed_logits(exact, gate_, prompt_.ids, {});
  const at::Tensor found = recomputed_logits(model_, gate_, prompt_.ids, {});
  EXPECT_LT(((found - wanted).norm() / wanted.norm()).item<double>(), 0.02);
}

}  // namespace
}  // namespace routedk::decode
