/// Files that come with the programs: prompts, settings, sample data.
#pragma once

#include <filesystem>

namespace routedk {

/// Where a file or folder of the project is, whatever the working directory: below share/routedk of the
/// prefix that holds this program, or in the checkout that holds its build. Empty where it is in neither.
std::filesystem::path shipped(const std::filesystem::path& file);

}  // namespace routedk
