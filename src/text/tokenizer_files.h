/// What the readers of tokenizer files share.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace routedk::text {

/// No tokenizer's files come near: the largest known tokenizer.json has 33 MB.
constexpr std::size_t kMaxTokenizerFile = std::size_t{64} << 20U;

/// The whole file; FileError when it is unreadable, no regular file, or larger than kMaxTokenizerFile.
std::string read_tokenizer_file(const std::filesystem::path& path);

/// Bytes as a message shows them: at most 40, others than printable ASCII as \xNN.
std::string shown(std::string_view bytes);

}  // namespace routedk::text
