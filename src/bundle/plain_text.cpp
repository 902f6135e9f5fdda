#include "routedk/bundle/plain_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace routedk::bundle {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

struct NamedEntity {
  std::string_view name;  // with its semicolon, except for names allowed without
  std::string_view text;
};
constexpr auto kNamedEntities = std::to_array<NamedEntity>({
#include "html_entities.inc"
});
constexpr std::size_t kLongestName = 32;

// Browsers' interpretation of 0x80 .. 0x9F (HTML standard, numeric character reference end state).
constexpr std::array<char32_t, 32> kWindows1252 = {
    0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

void append_utf8(std::string& out, char32_t c) {
  const auto tail = [c](unsigned shift) { return static_cast<char>(0x80U | ((c >> shift) & 0x3FU)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += {static_cast<char>(0xC0U | (c >> 6)), tail(0)};
  } else if (c < 0x10000) {
    out += {static_cast<char>(0xE0U | (c >> 12)), tail(6), tail(0)};
  } else {
    out += {static_cast<char>(0xF0U | (c >> 18)), tail(12), tail(6), tail(0)};
  }
}

/// Controls and non-characters, for which html.unescape returns nothing.
bool is_invalid(char32_t c) {
  const bool control = (c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || (c >= 0x7F && c <= 0x9F);
  return control || (c >= 0xFDD0 && c <= 0xFDEF) || (c & 0xFFFEU) == 0xFFFE;
}

/// "&#38;", "&#x26": appends the character; returns the bytes read, 0 if it is not a reference.
std::size_t append_numeric(std::string_view text, std::string& out) {
  const bool hex = text.size() > 2 && (text[2] == 'x' || text[2] == 'X');
  const std::string_view digits = text.substr(hex ? 3 : 2);
  std::uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), code, hex ? 16 : 10);
  if (error == std::errc::invalid_argument) {
    return 0;
  }
  const auto count = static_cast<std::size_t>(end - text.data());
  const bool outside =
      error != std::errc() || code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF);
  if (outside) {
    append_utf8(out, kReplacement);
  } else if (code >= 0x80 && code <= 0x9F) {
    append_utf8(out, kWindows1252[code - 0x80]);
  } else if (!is_invalid(code)) {
    append_utf8(out, code);
  }
  return count + (text.substr(count, 1) == ";" ? 1 : 0);
}

/// "&amp;", "&copy2020": appends the text of the longest name that is a prefix of the text; returns the bytes
/// read, 0 if there is none.
std::size_t append_named(std::string_view text, std::string& out) {
  for (std::size_t size = std::min(kLongestName, text.size() - 1); size >= 2; --size) {
    const std::string_view name = text.substr(1, size);
    const auto* const found = std::ranges::lower_bound(kNamedEntities, name, {}, &NamedEntity::name);
    if (found != kNamedEntities.end() && found->name == name) {
      out += found->text;
      return size + 1;
    }
  }
  return 0;
}

/// Bytes of the white space at the start of `text`, 0 if there is none.
std::size_t space_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first <= 0x20 || first == 0x7F) {
    return 1;
  }
  return text.starts_with("\xC2\xA0") ? 2 : 0;
}

/// Bytes of the well-formed character at the start of `text`, 0 if it is malformed.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length < 2 || length > text.size()) {
    return length == 1 ? 1 : 0;
  }
  const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) {
    return 0;
  }
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) {
      return 0;
    }
  }
  return length;
}

}  // namespace

std::string decode_entities(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t used = text.front() != '&'        ? 0
                             : text.substr(1, 1) == "#" ? append_numeric(text, out)
                                                        : append_named(text, out);
    out.append(used == 0 ? text.substr(0, 1) : std::string_view());
    text.remove_prefix(used == 0 ? 1 : used);
  }
  return out;
}

std::string fold_space(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool pending = false;
  while (!text.empty()) {
    if (const std::size_t space = space_length(text); space != 0) {
      pending = true;
      text.remove_prefix(space);
      continue;
    }
    if (pending && !out.empty()) {
      out += ' ';
    }
    pending = false;
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace routedk::bundle
