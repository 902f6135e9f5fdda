#include "routedk/core/files.h"

#include "routedk/core/error.h"

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace routedk {
namespace {

using testing::content_of;
using testing::entries_of;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

// Stands in for a full disk: writes beyond `bytes` of a file fail.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  sighandler_t handler_;
};

TEST(Files, a_written_file_reads_back_and_leaves_nothing_beside_it) {
  const TemporaryFolder folder;
  const std::string content("a\0b\r\n", 5);
  write_file_atomic(folder / "f", "old and longer");
  write_file_atomic(folder / "f", content);
  EXPECT_EQ(content_of(folder / "f"), content);
  EXPECT_EQ(read_file(folder / "f"), content);
  EXPECT_EQ(entries_of(folder.path()), 1);
}

TEST(Files, a_new_file_has_the_permissions_the_user_asked_for) {
  const TemporaryFolder folder;
  const mode_t mask = ::umask(027);
  write_file_atomic(folder / "f", "x");
  ::umask(mask);
  EXPECT_EQ(static_cast<int>(std::filesystem::status(folder / "f").permissions()), 0640);
}

TEST(Files, a_full_disk_keeps_the_old_file_and_names_the_path) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "f", "old");
  const std::string message = message_of<SystemError>([&] {
    const FileSizeLimit limit(1000);
    write_file_atomic(folder / "f", std::string(5000, 'x'));
  });
  EXPECT_THAT(message,
              HasSubstr((folder / "f").string() + " must be written, but the system says: File too large"));
  EXPECT_EQ(content_of(folder / "f"), "old");
  EXPECT_EQ(entries_of(folder.path()), 1);
}

TEST(Files, a_folder_that_does_not_exist_is_named_when_writing) {
  EXPECT_EQ(message_of<SystemError>([] { write_file_atomic("no/such/f", "x"); }),
            "no/such/f must be written, but the system says: No such file or directory.");
}

TEST(Files, a_missing_file_and_a_folder_cannot_be_read) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<FileError>([&] { read_file(folder / "f"); }),
              HasSubstr("No such file or directory"));
  EXPECT_THAT(message_of<FileError>([&] { read_file(folder.path()); }), HasSubstr("a folder"));
}

TEST(Files, temporary_names_are_told_from_others) {
  EXPECT_TRUE(is_temporary_name(temporary_name("a/b.json")));
  EXPECT_EQ(temporary_name("a/b/").parent_path(), "a");
  EXPECT_NE(temporary_name("a"), temporary_name("a"));
  EXPECT_FALSE(is_temporary_name("a.tmp-notes"));
  EXPECT_FALSE(is_temporary_name("a.tmp-123456789"));
}

TEST(FolderWriter, a_folder_appears_only_when_committed) {
  const TemporaryFolder folder;
  {
    FolderWriter writer(folder / "new/checkpoint/");
    write_file_atomic(writer.path() / "a", "1");
    std::filesystem::create_directory(writer.path() / "sub");
    write_file_atomic(writer.path() / "sub/b", "2");
    EXPECT_FALSE(std::filesystem::exists(folder / "new/checkpoint"));
    writer.commit();
  }
  EXPECT_EQ(content_of(folder / "new/checkpoint/a"), "1");
  EXPECT_EQ(content_of(folder / "new/checkpoint/sub/b"), "2");
  EXPECT_EQ(entries_of(folder / "new"), 1);
}

TEST(FolderWriter, an_existing_folder_is_replaced_whole) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "c");
  write_file_atomic(folder / "c/old", "old");
  FolderWriter writer(folder / "c");
  write_file_atomic(writer.path() / "new", "new");
  EXPECT_EQ(content_of(folder / "c/old"), "old");
  writer.commit();
  EXPECT_EQ(content_of(folder / "c/new"), "new");
  EXPECT_EQ(entries_of(folder / "c"), 1);
  EXPECT_EQ(entries_of(folder.path()), 1);
}

TEST(FolderWriter, an_uncommitted_folder_is_removed) {
  const TemporaryFolder folder;
  {
    const FolderWriter writer(folder / "c");
    write_file_atomic(writer.path() / "a", "1");
    EXPECT_EQ(entries_of(folder.path()), 1);
  }
  EXPECT_EQ(entries_of(folder.path()), 0);
}

}  // namespace
}  // namespace routedk
