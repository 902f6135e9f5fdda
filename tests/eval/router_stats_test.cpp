#include "routedk/eval/router_stats.h"

#include <cmath>

#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

std::vector<SessionAnswer> answers_with(const std::vector<std::vector<float>>& alphas) {
  std::vector<SessionAnswer> all;
  for (const auto& alpha : alphas) {
    SessionAnswer answer;
    answer.alpha = {alpha};
    all.push_back(answer);
  }
  return all;
}

TEST(RouterStats, confident_and_diverse_routing_has_low_mean_entropy_but_high_entropy_of_the_mean) {
  const auto layers = routing_by_layer(answers_with({{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}));
  ASSERT_EQ(layers.size(), 1);
  EXPECT_NEAR(layers[0].mean_entropy, 0.0, 1e-9);
  EXPECT_NEAR(layers[0].entropy_of_mean, std::log(3.0), 1e-6);
  EXPECT_DOUBLE_EQ(layers[0].collapsed, 1.0);
  EXPECT_NEAR(layers[0].variance[0], 2.0 / 9.0, 1e-6);
}

TEST(RouterStats, a_collapsed_gate_has_low_entropy_of_the_mean) {
  const auto layers = routing_by_layer(answers_with({{1, 0, 0}, {1, 0, 0}}));
  EXPECT_NEAR(layers[0].entropy_of_mean, 0.0, 1e-9);
  EXPECT_DOUBLE_EQ(layers[0].near_uniform, 0.0);
}

TEST(RouterStats, weights_within_two_hundredths_of_a_third_count_as_uniform) {
  const auto layers = routing_by_layer(answers_with({{0.34F, 0.33F, 0.33F}, {0.4F, 0.3F, 0.3F}}));
  EXPECT_DOUBLE_EQ(layers[0].near_uniform, 0.5);
}

TEST(RouterStats, answers_without_alpha_are_left_out) {
  std::vector<SessionAnswer> some = answers_with({{1, 0}});
  some.emplace_back();
  EXPECT_DOUBLE_EQ(routing_by_layer(some)[0].mean[0], 1.0);
}

}  // namespace
}  // namespace routedk::eval
