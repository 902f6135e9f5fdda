/// Shared by the readers of tokenizer files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace routedk::text {

/// The whole file; FileError when it is unreadable, not a regular file, or larger than kMostTokenizerBytes.
std::string read_tokenizer_file(const std::filesystem::path& path);

/// Bytes as messages show them: at most 40, those that are not printable ASCII as \xNN.
std::string shown(std::string_view bytes);

}  // namespace routedk::text
