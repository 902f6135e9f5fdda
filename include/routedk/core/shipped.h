/// Files distributed with the programs: prompts, settings, sample data.
#pragma once

#include <filesystem>
#include <string>

namespace routedk {

/// The path of a file or folder of the project, independent of the working directory: below share/routedk of
/// the prefix where this program is installed, or in the checkout that contains its build. Empty if it is in
/// neither.
std::filesystem::path shipped(const std::filesystem::path& file);

/// The command line that starts a shipped file with an argument, as a shell takes it; the file is named
/// relative to the working directory where that holds it. Empty if the file is not there.
std::string shipped_command(const std::filesystem::path& file, const std::filesystem::path& argument);

}  // namespace routedk
