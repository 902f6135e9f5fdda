#include "trim.h"

#include <algorithm>
#include <array>

namespace routedk::text {
namespace {

/// Besides ASCII's: U+0085, U+00A0, U+1680, U+2000..200A, U+2028, U+2029, U+202F, U+205F, U+3000.
constexpr std::array<std::string_view, 19> kBlanks = {
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
    "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86",
    "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8",
    "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};

bool is_ascii_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1C' && c <= '\x1F');
}

/// Bytes of the white space at the start or end of the text; 0 if there is none.
template <typename At>
std::size_t blank_length(std::string_view text, char ascii, const At& at) {
  if (is_ascii_blank(ascii)) {
    return 1;
  }
  const auto* found = std::find_if(kBlanks.begin(), kBlanks.end(), at);
  return found == kBlanks.end() ? 0 : std::min(found->size(), text.size());
}

}  // namespace

std::string_view trim(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length =
        blank_length(text, text.front(), [&](auto blank) { return text.starts_with(blank); });
    if (length == 0) {
      break;
    }
    text.remove_prefix(length);
  }
  while (!text.empty()) {
    const std::size_t length =
        blank_length(text, text.back(), [&](auto blank) { return text.ends_with(blank); });
    if (length == 0) {
      break;
    }
    text.remove_suffix(length);
  }
  return text;
}

}  // namespace routedk::text
