/// What a program asks before it writes: nothing that is there is overwritten.
#pragma once

#include <filesystem>

namespace routedk {

/// ConfigError unless `folder` is missing or an empty folder.
void require_new_folder(const std::filesystem::path& folder);
/// ConfigError unless `file` is missing and the folder it goes into is there.
void require_new_file(const std::filesystem::path& file);

}  // namespace routedk
