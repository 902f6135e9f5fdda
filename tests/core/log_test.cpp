#include "routedk/core/log.h"

#include "routedk/core/error.h"

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

namespace routedk {
namespace {

TEST(Log, only_the_asked_levels_reach_stderr) {
  ::testing::internal::CaptureStderr();
  init_log("info");
  spdlog::debug("hidden");
  spdlog::info("shown {}", 1);
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, ::testing::MatchesRegex("[0-9]+:[0-9]+:[0-9]+ info: shown 1\n"));
}

TEST(Log, an_unknown_level_is_refused) {
  EXPECT_EQ(testing::message_of<ConfigError>([] { init_log("loud"); }),
            "The log level must be one of trace, debug, info, warning, error, off, but is `loud` instead.");
  EXPECT_NO_THROW(init_log("off"));
  init_log("info");
}

}  // namespace
}  // namespace routedk
