/// Titles as written by people -> one clean line of UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace routedk::bundle {

/// `text` with its HTML entities decoded as in Python's html.unescape and the HTML standard: numeric ones
/// (0x80..0x9F read as Windows-1252, values outside Unicode as U+FFFD, other controls dropped) and all named
/// ones, also without their semicolon where the standard allows that. Any other `&` is kept, and nothing is
/// decoded twice.
std::string decode_entities(std::string_view text);

/// `text` with every run of white space, U+00A0 and control characters folded into one space, ends trimmed.
std::string fold_space(std::string_view text);

/// A title as prompts show it: entities decoded, then white space folded.
inline std::string clean_title(std::string_view title) {
  return fold_space(decode_entities(title));
}

/// Whether `text` is well-formed UTF-8 (RFC 3629: no overlong form, no surrogate, at most U+10FFFF).
bool is_utf8(std::string_view text) noexcept;

}  // namespace routedk::bundle
