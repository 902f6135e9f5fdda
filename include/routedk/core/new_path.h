/// Checks before writing: existing files are never overwritten.
#pragma once

#include <filesystem>

namespace routedk {

/// ConfigError unless `folder` does not exist or is an empty folder.
void require_new_folder(const std::filesystem::path& folder);
/// ConfigError unless `file` does not exist and its parent folder does.
void require_new_file(const std::filesystem::path& file);

}  // namespace routedk
