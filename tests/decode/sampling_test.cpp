#include "routedk/decode/sampling.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace routedk::decode {
namespace {

using kernels::log_sum_exp;
using Edge = text::TokenAutomaton::Edge;

constexpr std::array<float, 4> kLogits = {0.5F, 2.0F, -1.0F, 1.0F};
constexpr SamplingOptions kGreedy = {.temperature = 0.0};

TEST(Sampling, temperature_zero_takes_the_likeliest_allowed_token) {
  const std::array<Edge, 2> edges = {{{0, 7}, {3, 9}}};
  const Draw draw = draw_constrained(kLogits, log_sum_exp(kLogits), edges, kGreedy, Random(1, "x"));
  EXPECT_EQ(draw.token, 3);
  EXPECT_EQ(draw.next, 9);
}

TEST(Sampling, a_token_that_the_model_has_not_is_refused) {
  for (const text::TokenId token : {-1, 4}) {
    const std::array<Edge, 2> edges = {{{0, 7}, {token, 9}}};
    EXPECT_THROW(draw_constrained(kLogits, log_sum_exp(kLogits), edges, kGreedy, Random(1, "x")),
                 ConfigError);
  }
}

TEST(Sampling, log_probabilities_are_at_temperature_one_under_the_model_and_among_the_allowed) {
  const std::array<Edge, 2> edges = {{{0, 0}, {3, 0}}};
  const Draw draw = draw_constrained(kLogits, log_sum_exp(kLogits), edges, kGreedy, Random(1, "x"));
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
        draw_free(kLogits, log_sum_exp(kLogits), {.temperature = kTemperature}, Random(3, "x", {i})).token)];
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

/// What is left of softmax(logits / temperature), token by token, by the definitions alone.
std::vector<double> left_of(const std::vector<float>& logits, const SamplingOptions& options) {
  std::vector<std::pair<double, std::size_t>> sorted;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    sorted.emplace_back(-std::exp(logits[i] / options.temperature), i);
  }
  std::sort(sorted.begin(), sorted.end());
  if (options.top_k > 0 && static_cast<std::size_t>(options.top_k) < sorted.size()) {
    sorted.resize(static_cast<std::size_t>(options.top_k));
  }
  double sum = 0.0;
  for (const auto& [weight, token] : sorted) {
    sum -= weight;
  }
  std::vector<double> kept(logits.size(), 0.0);
  double before = 0.0;
  double of_kept = 0.0;
  for (const auto& [weight, token] : sorted) {
    const bool first = before == 0.0;
    const bool nucleus = before / sum < options.top_p;
    const bool likely = weight <= options.min_p * sorted.front().first;
    if (first || (nucleus && likely)) {
      kept[token] = -weight;
      of_kept -= weight;
    }
    before -= weight;
  }
  for (double& weight : kept) {
    weight /= of_kept;
  }
  return kept;
}

TEST(Sampling, top_k_top_p_and_min_p_keep_and_renormalise_what_their_definitions_say) {
  constexpr int kDraws = 4000;
  const std::vector<SamplingOptions> all = {{.temperature = 1.0, .top_k = 3},
                                            {.temperature = 1.3, .top_k = 20},
                                            {.temperature = 0.8, .top_p = 0.6},
                                            {.temperature = 1.0, .top_p = 0.0},
                                            {.temperature = 1.0, .min_p = 0.3},
                                            {.temperature = 2.0, .min_p = 1.0},
                                            {.temperature = 1.5, .top_k = 5, .top_p = 0.9, .min_p = 0.1}};
  for (std::uint64_t o = 0; o < all.size(); ++o) {
    std::vector<float> logits(8);
    Random random(7, "logits", {o});
    for (float& logit : logits) {
      logit = static_cast<float>(4.0 * random.uniform());
    }
    const std::vector<double> expected = left_of(logits, all[o]);
    std::vector<int> counts(logits.size());
    for (std::uint64_t i = 0; i < kDraws; ++i) {
      ++counts[static_cast<std::size_t>(
          draw_free(logits, log_sum_exp(logits), all[o], Random(3, "x", {i})).token)];
    }
    for (std::size_t k = 0; k < logits.size(); ++k) {
      const double p = expected[k];
      EXPECT_NEAR(counts[k] / static_cast<double>(kDraws), p, 5 * std::sqrt(p * (1 - p) / kDraws))
          << "options " << o << " token " << k;
    }
  }
}

TEST(Sampling, of_equally_likely_tokens_the_lower_ids_are_kept) {
  const std::vector<float> logits = {0.0F, 1.0F, 1.0F, 1.0F};
  for (std::uint64_t i = 0; i < 200; ++i) {
    EXPECT_LE(
        draw_free(logits, log_sum_exp(logits), {.temperature = 1.0, .top_k = 2}, Random(3, "x", {i})).token,
        2);
  }
}

TEST(Sampling, options_see_the_allowed_tokens_alone_and_log_probabilities_do_not_see_the_options) {
  const std::array<Edge, 3> edges = {{{0, 0}, {2, 0}, {3, 0}}};
  const SamplingOptions options{.temperature = 1.0, .top_k = 1};
  for (std::uint64_t i = 0; i < 50; ++i) {
    const Draw draw = draw_constrained(kLogits, log_sum_exp(kLogits), edges, options, Random(3, "x", {i}));
    EXPECT_EQ(draw.token, 3);
    const Draw greedy = draw_constrained(kLogits, log_sum_exp(kLogits), edges, kGreedy, Random(3, "x", {i}));
    EXPECT_EQ(draw.logprob, greedy.logprob);
    EXPECT_EQ(draw.constrained_logprob, greedy.constrained_logprob);
    EXPECT_LT(draw.constrained_logprob, 0.0);
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
