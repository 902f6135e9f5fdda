#include "routedk/io/mapped_file.h"

#include "routedk/core/error.h"

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace routedk::io {
namespace {

using routedk::testing::message_of;
using routedk::testing::TemporaryFolder;
using ::testing::HasSubstr;

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, the_bytes_are_the_files_before_and_after_a_release) {
  const TemporaryFolder folder;
  std::string content;
  for (int i = 0; i < 5000; ++i) {
    content += std::to_string(i);
  }
  const auto file = MappedFile::open(folder.write("f", content));
  EXPECT_EQ(text_of(*file), content);
  file->release(file->bytes());
  file->release(file->bytes().subspan(5000, 9000));
  file->release(file->bytes().subspan(100, 0));
  EXPECT_EQ(text_of(*file), content);
}

TEST(MappedFile, an_empty_file_has_no_bytes) {
  const TemporaryFolder folder;
  EXPECT_TRUE(MappedFile::open(folder.write("f", ""))->bytes().empty());
}

TEST(MappedFile, what_is_no_regular_file_is_refused_by_name) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<FileError>([&] { MappedFile::open(folder / "none"); }),
              HasSubstr("none must be a readable file, but the system says: No such file or directory."));
  EXPECT_THAT(message_of<FileError>([&] { MappedFile::open(folder.path()); }),
              HasSubstr("but is a folder instead"));
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(message_of<FileError>([&] { MappedFile::open(folder / "pipe"); }),
              HasSubstr("a device or pipe"));
}

}  // namespace
}  // namespace routedk::io
