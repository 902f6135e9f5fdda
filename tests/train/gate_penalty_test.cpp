#include "routedk/train/gate_penalty.h"

#include <cmath>

#include "support/gradient_check.h"
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using experts::GateRows;

/// Two layers, two sequences, two experts; `scale` multiplies every weight.
std::vector<GateRows> two_layers(float scale = 1.0F) {
  const at::Tensor first = at::tensor({0.9F, 0.1F, 0.2F, 0.8F}).view({2, 2});
  const at::Tensor second = at::tensor({0.5F, 0.5F, 1.0F, 0.0F}).view({2, 2});
  return {{first * scale, {}}, {second * scale, {}}};
}

double entropy(double a) {
  return a == 0.0 || a == 1.0 ? 0.0 : -a * std::log(a) - (1 - a) * std::log(1 - a);
}

TEST(GatePenalty, entropy_is_the_mean_over_sequences_and_layers) {
  const double expected = (entropy(0.9) + entropy(0.2) + entropy(0.5) + entropy(1.0)) / 4;
  EXPECT_NEAR(gate_penalty(two_layers(), {3.0, 0.0}).item<double>(), 3.0 * expected, 1e-6);
}

TEST(GatePenalty, balance_is_the_distance_of_the_mean_weights_from_uniform) {
  const double expected = std::log(2.0) - (entropy(0.55) + entropy(0.75)) / 2;
  EXPECT_NEAR(gate_penalty(two_layers(), {0.0, 2.0}).item<double>(), 2.0 * expected, 1e-6);
}

TEST(GatePenalty, weights_that_sum_to_k_count_as_their_shares) {
  const GatePenalty penalty{1.0, 1.0};
  EXPECT_NEAR(gate_penalty(two_layers(2.0F), penalty).item<double>(),
              gate_penalty(two_layers(), penalty).item<double>(), 1e-6);
}

TEST(GatePenalty, its_gradient_agrees_with_finite_differences) {
  const auto of_logits = [](const at::Tensor& logits) {
    return gate_penalty({{at::softmax(logits, -1), {}}}, {1.5, 0.5});
  };
  testing::expect_gradient(of_logits, at::tensor({0.3F, -0.4F, 1.1F, 0.2F}).view({2, 2}));
}

TEST(GatePenalty, its_gradient_is_finite_where_a_weight_is_zero) {
  at::Tensor alpha = at::tensor({1.0F, 0.0F}).view({1, 2}).set_requires_grad(true);
  gate_penalty({{alpha, {}}}, {1.0, 1.0}).backward();
  EXPECT_TRUE(at::isfinite(alpha.grad()).all().item<bool>());
}

}  // namespace
}  // namespace routedk::train
