/// Files distributed with the programs: prompts, settings, sample data.
#pragma once

#include <filesystem>
#include <string>

namespace routedk {

/// The path of a file or folder of the project, independent of the working directory: below share/routedk of
/// the prefix where this program is installed, or in the checkout that contains its build. Empty if it is in
/// neither.
std::filesystem::path shipped(const std::filesystem::path& file);

/// The same as a command line in the working directory names it: relative where the working directory holds
/// it, otherwise absolute.
std::string shipped_command(const std::filesystem::path& file);

}  // namespace routedk
