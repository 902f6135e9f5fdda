#include "routedk/core/shipped.h"

#include <filesystem>

#include "core/temporary_folder.h"
#include <gtest/gtest.h>

namespace routedk {
namespace {

namespace fs = std::filesystem;

class ShippedCommand : public ::testing::Test {
 protected:
  ~ShippedCommand() override { fs::current_path(before_); }

  const fs::path before_ = fs::current_path();
  const fs::path checkout_ = shipped("scripts/report").parent_path().parent_path();
};

TEST_F(ShippedCommand, in_the_checkout_the_file_is_named_from_there) {
  fs::current_path(checkout_);
  EXPECT_EQ(shipped_command("scripts/report", "runs/one"), "scripts/report runs/one");
}

TEST_F(ShippedCommand, in_the_files_own_folder_no_shell_looks_it_up_elsewhere) {
  fs::current_path(checkout_ / "scripts");
  EXPECT_EQ(shipped_command("scripts/report", "runs/one"), "./report runs/one");
}

TEST_F(ShippedCommand, elsewhere_the_file_is_named_in_full) {
  const testing::TemporaryFolder folder;
  fs::current_path(folder.path());
  EXPECT_EQ(shipped_command("scripts/report", "one"), (checkout_ / "scripts/report").string() + " one");
}

TEST_F(ShippedCommand, an_argument_is_quoted) {
  fs::current_path(checkout_);
  EXPECT_EQ(shipped_command("scripts/report", "my runs"), "scripts/report 'my runs'");
}

TEST_F(ShippedCommand, what_is_not_there_has_no_command) {
  EXPECT_EQ(shipped_command("scripts/nothing", "one"), "");
}

}  // namespace
}  // namespace routedk
