/// One input as several files of a folder.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string_view>

namespace routedk::fuzz {

/// Writes the input's parts, cut at its first NUL bytes, under these names into a folder of this process: the
/// last part has the rest, and what has no part is a file without a byte. Settings in JSON come first, since
/// no NUL stands in them.
std::filesystem::path folder_of_parts(const std::filesystem::path& file,
                                      std::initializer_list<std::string_view> names);

}  // namespace routedk::fuzz
