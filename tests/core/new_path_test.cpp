#include "routedk/core/new_path.h"

#include "routedk/core/error.h"

#include "core/temporary_folder.h"
#include <gmock/gmock.h>

namespace routedk {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

TEST(NewPath, a_folder_must_be_missing_or_empty) {
  const TemporaryFolder folder;
  EXPECT_NO_THROW(require_new_folder(folder / "missing/too"));
  EXPECT_NO_THROW(require_new_folder(folder.path()));
  folder.write("file", "");
  for (const std::filesystem::path& path : {folder.path(), folder / "file"}) {
    EXPECT_THAT(message_of<ConfigError>([&] { require_new_folder(path); }),
                HasSubstr("must be a new or an empty"));
  }
}

TEST(NewPath, a_file_must_be_missing_from_a_folder_that_is_there) {
  const TemporaryFolder folder;
  EXPECT_NO_THROW(require_new_file(folder / "missing"));
  EXPECT_NO_THROW(require_new_file("missing"));
  folder.write("file", "");
  std::filesystem::create_symlink("nowhere", folder / "link");
  for (const char* name : {"file", "link"}) {
    EXPECT_THAT(message_of<ConfigError>([&] { require_new_file(folder / name); }),
                HasSubstr("must be a new file"));
  }
  for (const char* name : {"missing/too", "missing/", "file/x"}) {
    EXPECT_THAT(message_of<ConfigError>([&] { require_new_file(folder / name); }),
                HasSubstr("in a folder that exists"));
  }
}

}  // namespace
}  // namespace routedk
