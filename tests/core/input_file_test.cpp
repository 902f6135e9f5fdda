#include "routedk/core/input_file.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace routedk {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(InputFile, gives_the_whole_content) {
  const testing::TemporaryFolder folder;
  const std::string content = "a\0b\n" + std::string(100'000, 'x');
  EXPECT_EQ(read_file(folder.write("f", content)), content);
  EXPECT_EQ(read_file(folder.write("empty", "")), "");
}

TEST(InputFile, what_is_no_regular_file_is_refused_at_once) {
  const testing::TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);  // opening it would wait for a writer
  EXPECT_THAT(testing::message_of<FileError>([&] { read_file(folder / "pipe"); }),
              AllOf(HasSubstr("pipe must be a regular file"), HasSubstr("a device or pipe")));
  EXPECT_THAT(testing::message_of<FileError>([] { read_file("/dev/zero"); }), HasSubstr("a device or pipe"));
  EXPECT_THAT(testing::message_of<FileError>([&] { read_file(folder / "."); }), HasSubstr("a folder"));
  EXPECT_THAT(testing::message_of<FileError>([&] { read_file(folder / "none"); }), HasSubstr("No such file"));
}

TEST(InputFile, what_is_larger_than_its_kind_may_be_is_refused_before_it_is_read) {
  const testing::TemporaryFolder folder;
  const auto sparse = folder.write("sparse", "");
  std::filesystem::resize_file(sparse, std::uint64_t{1} << 40U);
  EXPECT_THAT(testing::message_of<FileError>([&] { read_file(sparse, kMostSettingsBytes); }),
              AllOf(HasSubstr("at most 1048576 bytes"), HasSubstr("1099511627776")));
  EXPECT_EQ(read_file(folder.write("fits", "abc"), 3), "abc");
  EXPECT_THROW(read_file(folder / "fits", 2), FileError);
}

TEST(InputFile, a_file_for_its_owner_alone_is_written_so) {
  const testing::TemporaryFolder folder;
  write_file_atomic(folder / "mine", "x", Readers::kOwner);
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(folder / "mine").permissions() & (perms::group_all | perms::others_all),
            perms::none);
}

}  // namespace
}  // namespace routedk
