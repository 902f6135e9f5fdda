#include "routedk/workflow/experiment/settings_page.h"

#include "routedk/core/files.h"
#include "routedk/workflow/experiment/setting_versions.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

TEST(SettingsPage, in_docs_is_that_of_this_source) {
  const auto file = std::filesystem::path(ROUTEDK_SOURCE_DIR) / "docs/settings.md";
  EXPECT_TRUE(read_file(file) == settings_page()) << "run: routedk-run --settings >docs/settings.md";
}

TEST(SettingsPage, has_the_settings_of_released_versions) {
  const std::string page = settings_page();
  for (const std::string_view name : settings_of_0_1_0()) {
    EXPECT_NE(page.find("| `" + std::string(name) + "` |"), std::string::npos) << name;
  }
  EXPECT_EQ(setting_since("train.epochs"), "0.1.0");
  EXPECT_NE(setting_since("train.objective"), "0.1.0");
}

}  // namespace
}  // namespace routedk::workflow
