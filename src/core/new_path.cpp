#include "routedk/core/new_path.h"

#include "routedk/core/error.h"

namespace routedk {

namespace fs = std::filesystem;

void require_new_folder(const fs::path& folder) {
  if (fs::exists(folder) && (!fs::is_directory(folder) || !fs::is_empty(folder))) {
    throw_<ConfigError>("{} must be a new or an empty folder, but is not empty", folder.string());
  }
}

void require_new_file(const fs::path& file) {
  if (fs::exists(fs::symlink_status(file))) {
    throw_<ConfigError>("{} must be a new file, but exists already", file.string());
  }
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (!file.has_filename() || !fs::is_directory(folder)) {
    throw_<ConfigError>("{} must be a file in a folder that exists, but is not", file.string());
  }
}

}  // namespace routedk
