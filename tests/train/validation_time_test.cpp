#include "routedk/train/validation_time.h"

#include <gtest/gtest.h>

namespace routedk::train {
namespace {

TEST(ValidationTime, before_the_first_it_follows_from_the_steps_and_then_from_those_done) {
  ValidationTime time(3, 20);
  EXPECT_EQ(time.left(), 0);  // nothing is known
  time.add_step(10, 6);       // 0.6 s an example with its backward pass
  EXPECT_DOUBLE_EQ(time.left(), 3 * 20 * 0.2);
  time.add_validation(10);
  EXPECT_DOUBLE_EQ(time.left(), 2 * 10);
  time.add_validation(20);
  EXPECT_DOUBLE_EQ(time.left(), 15);
  time.add_validation(1);
  time.add_validation(1);  // more than were expected
  EXPECT_EQ(time.left(), 0);
}

}  // namespace
}  // namespace routedk::train
