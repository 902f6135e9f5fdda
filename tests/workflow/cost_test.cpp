#include "routedk/workflow/experiment/cost.h"

#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

TEST(Cost, steps_to_come_take_what_like_ones_took_at_the_pace_of_the_one_under_way) {
  const std::vector<Expected> to_come{{10, 30.0}, {0, 2.0}};
  EXPECT_EQ(seconds_of(to_come, {5, 20.0}, 20), 32);
  EXPECT_EQ(seconds_of(to_come, {5, 20.0}, 40), 64);  // somebody else uses half of the CPU
  EXPECT_EQ(seconds_of(to_come, {5, std::nullopt}, 40), 32);
}

TEST(Cost, without_like_steps_it_follows_from_the_effort_or_is_unknown) {
  const std::vector<Expected> to_come{{10, std::nullopt}, {0, std::nullopt}};
  EXPECT_EQ(seconds_of(to_come, {5, std::nullopt}, 20), 40);
  EXPECT_EQ(seconds_of(to_come, {0, std::nullopt}, 20), std::nullopt);
  EXPECT_EQ(seconds_of({}, {0, std::nullopt}, 20), 0);
}

}  // namespace
}  // namespace routedk::workflow
