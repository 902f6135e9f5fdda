#include "routedk/workflow/experiment/settings_page.h"

#include "routedk/core/files.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

TEST(SettingsPage, in_docs_is_that_of_this_source) {
  const auto file = std::filesystem::path(ROUTEDK_SOURCE_DIR) / "docs/settings.md";
  EXPECT_TRUE(read_file(file) == settings_page()) << "run: routedk-run --settings >docs/settings.md";
}

}  // namespace
}  // namespace routedk::workflow
