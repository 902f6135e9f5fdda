/// External text made safe to display in messages, logs, tables and pages: on one line, without terminal
/// control characters, truncated, without API keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace routedk {

inline constexpr std::size_t kMostDisplayed = 400;  ///< bytes of one value in a message

/// Control characters, direction and zero-width marks, line separators and bytes that are not UTF-8 become
/// \n, \t, \r, \x1b or \u202e. With `keep_newlines` newlines are kept.
std::string escaped(std::string_view text, bool keep_newlines = false);

/// `escaped`, shortened to about `most` bytes by cutting the middle ("begins ... ends").
std::string displayed(std::string_view text, std::size_t most = kMostDisplayed);

/// An upper bound of the terminal columns that the text takes: two for a character outside the scripts of
/// Europe and the Near East, which may be wide.
std::size_t most_columns(std::string_view text);

/// The text in at most `columns` columns; a longer one ends with "...".
std::string cut_to_columns(std::string_view text, std::size_t columns);

/// The text broken between words into lines of at most `columns` bytes, each after `indent` spaces, which
/// count; longer words stay whole.
std::string wrapped(const std::string& text, std::size_t columns, std::size_t indent = 0);

/// A count with its noun, whose plural ends in s: "1 step", "3 steps".
std::string counted(std::int64_t count, std::string_view noun);

/// Whether a word of the text has the form of an API key of a known provider: "sk-...", "hf_...".
bool holds_api_key(std::string_view text);

/// The text with such words replaced by ***.
std::string without_api_keys(std::string_view text);

}  // namespace routedk
