/// What the readers of tokenizer files share.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace routedk::text {

/// The whole file; FileError when it is unreadable, no regular file, or larger than kMostTokenizerBytes.
std::string read_tokenizer_file(const std::filesystem::path& path);

/// Bytes as a message shows them: at most 40, others than printable ASCII as \xNN.
std::string shown(std::string_view bytes);

}  // namespace routedk::text
