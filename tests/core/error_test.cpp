#include "routedk/core/error.h"

#include <gtest/gtest.h>

namespace routedk {
namespace {

TEST(Error, what_the_user_can_fix_exits_with_2_and_the_rest_with_1) {
  EXPECT_EQ(exit_code(ConfigError("")), 2);
  EXPECT_EQ(exit_code(FileError("")), 2);
  EXPECT_EQ(exit_code(DataError("")), 2);
  EXPECT_EQ(exit_code(SystemError("")), 1);
  EXPECT_EQ(exit_code(NumericError("")), 1);
  EXPECT_EQ(exit_code(std::bad_alloc()), 1);
}

}  // namespace
}  // namespace routedk
