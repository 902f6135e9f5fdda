/// External text that may not be UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace routedk::text {

/// Bytes of the well-formed character at the start of `text` (1 to 4; Unicode 15, table 3-7: no overlong
/// forms, no surrogates, nothing above U+10FFFF), or 0 if there is none.
std::size_t utf8_length(std::string_view text) noexcept;

/// Bytes at the end of `text` (0 to 3) that begin a well-formed character without completing it.
std::size_t utf8_unfinished(std::string_view text) noexcept;

/// Whether the whole text is well-formed.
bool is_utf8(std::string_view text) noexcept;

/// The text with every byte outside a well-formed character replaced by U+FFFD, as in llama.cpp (except for
/// encoded surrogates and overlong forms, which llama.cpp accepts).
std::string repair_utf8(std::string_view text);

}  // namespace routedk::text
