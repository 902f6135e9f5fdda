#include "routedk/train/failure_signs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// One layer's figures for two inputs over two experts.
experts::LayerRouting layer(float first, float second) {
  return experts::routing_of(at::tensor({first, 1 - first, second, 1 - second}).view({2, 2}));
}

TEST(FailureSigns, one_expert_for_every_input_in_most_layers_is_collapse) {
  EXPECT_THAT(routing_signs({layer(1, 0.999F), layer(1, 1), layer(0.7F, 0.3F)}),
              ElementsAre(HasSubstr("collapse: one expert has nearly all weight for every input in 2 of 3")));
}

TEST(FailureSigns, confident_routing_to_different_experts_is_none) {
  EXPECT_THAT(routing_signs({layer(1, 0), layer(0, 1)}), IsEmpty());
}

TEST(FailureSigns, uniform_weights_in_most_layers_are_no_routing) {
  EXPECT_THAT(routing_signs({layer(0.5F, 0.51F), layer(0.5F, 0.49F), layer(0.9F, 0.1F)}),
              ElementsAre(HasSubstr("no routing")));
}

TEST(FailureSigns, a_single_expert_or_no_router_has_none) {
  EXPECT_THAT(routing_signs({experts::routing_of(at::ones({2, 1}))}), IsEmpty());
  EXPECT_THAT(routing_signs({}), IsEmpty());
}

TEST(FailureSigns, a_validation_loss_well_above_its_best_is_overfitting) {
  EXPECT_EQ(overfit_sign(1.04, 1.0, 0.5), std::nullopt);
  EXPECT_THAT(overfit_sign(1.2, 1.0, 0.5).value(), HasSubstr("1.2000, its best was 1.0000"));
}

}  // namespace
}  // namespace routedk::train
