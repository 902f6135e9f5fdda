#include "routedk/experts/gate_stats.h"

#include <cmath>

#include <gtest/gtest.h>

namespace routedk::experts {
namespace {

TEST(GateStats, every_figure_equals_its_definition_computed_by_hand) {
  const LayerRouting layer = routing_of(at::tensor({0.95F, 0.05F, 0.50F, 0.50F}).view({2, 2}));
  const auto entropy = [](double a, double b) { return -a * std::log(a) - b * std::log(b); };
  EXPECT_NEAR(layer.mean[0], 0.725, 1e-6);
  EXPECT_NEAR(layer.variance[1], 0.225 * 0.225, 1e-6);
  EXPECT_NEAR(layer.entropy_of_mean, entropy(0.725, 0.275), 1e-6);
  EXPECT_NEAR(layer.mean_entropy, (entropy(0.95, 0.05) + entropy(0.5, 0.5)) / 2, 1e-6);
  EXPECT_DOUBLE_EQ(layer.near_uniform, 0.5);
  EXPECT_DOUBLE_EQ(layer.collapsed, 0.5);
}

TEST(GateStats, the_entropy_of_a_sure_choice_is_zero) {
  EXPECT_EQ(entropy_of(at::tensor({1.0F, 0.0F}).view({1, 2})).item<float>(), 0.0F);
}

}  // namespace
}  // namespace routedk::experts
