#include "routedk/decode/sampling.h"

#include <array>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace routedk::decode {
namespace {

using Edge = text::TokenAutomaton::Edge;

constexpr std::array<float, 4> kLogits = {0.5F, 2.0F, -1.0F, 1.0F};

TEST(Sampling, temperature_zero_takes_the_likeliest_allowed_token) {
  const std::array<Edge, 2> edges = {{{0, 7}, {3, 9}}};
  const Draw draw = draw_constrained(kLogits, log_sum_exp(kLogits), edges, 0.0, Random(1, "x"));
  EXPECT_EQ(draw.token, 3);
  EXPECT_EQ(draw.next, 9);
}

TEST(Sampling, log_probabilities_are_at_temperature_one_under_the_model_and_among_the_allowed) {
  const std::array<Edge, 2> edges = {{{0, 0}, {3, 0}}};
  const Draw draw = draw_constrained(kLogits, log_sum_exp(kLogits), edges, 0.0, Random(1, "x"));
  double all = 0.0;
  for (const float logit : kLogits) {
    all += std::exp(logit);
  }
  EXPECT_NEAR(draw.logprob, 1.0 - std::log(all), 1e-6);
  EXPECT_NEAR(draw.constrained_logprob, 1.0 - std::log(std::exp(1.0) + std::exp(0.5)), 1e-6);
}

TEST(Sampling, draws_follow_the_softmax_at_the_temperature) {
  constexpr int kDraws = 20000;
  constexpr double kTemperature = 0.7;
  std::array<int, 4> counts{};
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    ++counts[static_cast<std::size_t>(
        draw_free(kLogits, log_sum_exp(kLogits), kTemperature, Random(3, "x", {i})).token)];
  }
  double sum = 0.0;
  for (const float logit : kLogits) {
    sum += std::exp(logit / kTemperature);
  }
  for (std::size_t k = 0; k < kLogits.size(); ++k) {
    const double p = std::exp(kLogits[k] / kTemperature) / sum;
    EXPECT_NEAR(counts[k] / static_cast<double>(kDraws), p, 5 * std::sqrt(p * (1 - p) / kDraws))
        << "token " << k;
  }
}

TEST(Sampling, the_log_sum_of_a_vocabulary_is_that_of_fp64) {
  std::vector<float> values;
  double sum = 0.0;
  for (int i = 0; i < 49157; ++i) {
    values.push_back(20.0F * static_cast<float>(std::sin(i)));
    sum += std::exp(static_cast<double>(values.back()));
  }
  EXPECT_NEAR(log_sum_exp(values), std::log(sum), 1e-6);
}

}  // namespace
}  // namespace routedk::decode
