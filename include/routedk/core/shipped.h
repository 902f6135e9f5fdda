/// Files distributed with the programs: prompts, settings, sample data.
#pragma once

#include <filesystem>

namespace routedk {

/// The path of a file or folder of the project, independent of the working directory: below share/routedk of
/// the prefix where this program is installed, or in the checkout that contains its build. Empty if it is in
/// neither.
std::filesystem::path shipped(const std::filesystem::path& file);

}  // namespace routedk
