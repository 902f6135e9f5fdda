/// The mark with which Windows begins a text in UTF-8. It is no part of the text.
#pragma once

#include <string_view>

namespace routedk {

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// The text, which is in UTF-8, after a mark if it begins with one.
inline std::string_view without_byte_order_mark(std::string_view text) {
  text.remove_prefix(text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
  return text;
}

}  // namespace routedk
