#include "routedk/core/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk {
namespace {

TEST(CommandLine, begins_with_the_programs_name_without_its_folder) {
  EXPECT_THAT(command_line(), ::testing::StartsWith("routedk_core_tests"));
}

}  // namespace
}  // namespace routedk
