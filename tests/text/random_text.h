/// Random Unicode.
#pragma once

#include "routedk/core/random.h"

#include <array>
#include <string>

namespace routedk::text {

inline std::string utf8_of(std::uint32_t c) {
  const auto tail = [c](unsigned shift) { return static_cast<char>(0x80U | ((c >> shift) & 0x3FU)); };
  if (c < 0x80) {
    return {static_cast<char>(c)};
  }
  if (c < 0x800) {
    return {static_cast<char>(0xC0U | (c >> 6U)), tail(0)};
  }
  if (c < 0x10000) {
    return {static_cast<char>(0xE0U | (c >> 12U)), tail(6), tail(0)};
  }
  return {static_cast<char>(0xF0U | (c >> 18U)), tail(12), tail(6), tail(0)};
}

/// Up to 40 characters: of all of Unicode, of blanks and marks, of ASCII, from one of these at a time.
/// U+2581, which is sentencepiece's blank, is left out.
inline std::string random_text(Random& random) {
  constexpr std::array<std::uint32_t, 12> kHard = {'\r',  '\n',    ' ',    '\t', 0xA0,   0x200D,
                                                   0x301, 0x1F468, 0xFE0F, '\'', 0x3000, 0};
  const std::uint64_t kind = random.below(4);
  std::string text;
  for (std::uint64_t i = random.below(40); i > 0; --i) {
    auto c = static_cast<std::uint32_t>(random.below(0x110000));
    c = kind == 0 ? kHard.at(c % kHard.size()) : kind == 1 ? c % 0x80 : kind == 2 ? c % 0x3000 : c;
    const bool surrogate = c >= 0xD800 && c < 0xE000;
    text += utf8_of(surrogate || c == 0x2581 ? 'x' : c);
  }
  return text;
}

}  // namespace routedk::text
