/// Text from outside as messages, logs, tables and pages show it: on one line, without what steers a
/// terminal, cut to a length, without API keys.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace routedk {

inline constexpr std::size_t kMostDisplayed = 400;  ///< bytes of one value in a message

/// Control characters, marks that turn the direction of writing or take no room, line separators and bytes
/// that are not UTF-8 become \n, \t, \r, \x1b or \u202e. With `keep_newlines` newlines stay.
std::string escaped(std::string_view text, bool keep_newlines = false);

/// escaped, of at most `most` bytes and a few: what is longer loses its middle ("begins ... ends").
std::string displayed(std::string_view text, std::size_t most = kMostDisplayed);

/// As many columns of a terminal as the text takes, or more: two for a character beyond those of Europe and
/// the Near East, which may be wide.
std::size_t most_columns(std::string_view text);

/// The text in at most so many columns; what is longer ends with "...".
std::string cut_to_columns(std::string_view text, std::size_t columns);

/// Whether a word of the text is formed as the providers of APIs form their keys: "sk-...", "hf_...".
bool holds_api_key(std::string_view text);

/// The text with *** in place of such words.
std::string without_api_keys(std::string_view text);

}  // namespace routedk
