#include "routedk/text/utf8.h"

#include <algorithm>

namespace routedk::text {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Lead {
  std::size_t length = 0;
  unsigned second_min = 0x80;
  unsigned second_max = 0xBF;
};

Lead lead_of(unsigned byte) noexcept {
  if (byte < 0x80) {
    return {1};
  }
  if (byte >= 0xC2 && byte <= 0xDF) {
    return {2};
  }
  if (byte >= 0xE0 && byte <= 0xEF) {
    return {3, byte == 0xE0 ? 0xA0U : 0x80U, byte == 0xED ? 0x9FU : 0xBFU};
  }
  if (byte >= 0xF0 && byte <= 0xF4) {
    return {4, byte == 0xF0 ? 0x90U : 0x80U, byte == 0xF4 ? 0x8FU : 0xBFU};
  }
  return {};
}

unsigned byte_at(std::string_view text, std::size_t i) noexcept {
  return static_cast<unsigned char>(text[i]);
}

bool is_continuation(unsigned byte) noexcept {
  return (byte & 0xC0U) == 0x80U;
}

}  // namespace

std::size_t utf8_length(std::string_view text) noexcept {
  if (text.empty()) {
    return 0;
  }
  const Lead lead = lead_of(byte_at(text, 0));
  if (lead.length > text.size()) {
    return 0;
  }
  if (lead.length > 1 && (byte_at(text, 1) < lead.second_min || byte_at(text, 1) > lead.second_max)) {
    return 0;
  }
  for (std::size_t i = 2; i < lead.length; ++i) {
    if (!is_continuation(byte_at(text, i))) {
      return 0;
    }
  }
  return lead.length;
}

std::size_t utf8_unfinished(std::string_view text) noexcept {
  // From the left: a byte within a complete character does not begin one.
  const std::size_t longest = std::min<std::size_t>(3, text.size());
  for (std::size_t length = longest; length > 0; --length) {
    const std::string_view tail = text.substr(text.size() - length);
    const Lead lead = lead_of(byte_at(tail, 0));
    if (lead.length <= length) {
      continue;
    }
    const bool second =
        length < 2 || (byte_at(tail, 1) >= lead.second_min && byte_at(tail, 1) <= lead.second_max);
    if (second && (length < 3 || is_continuation(byte_at(tail, 2)))) {
      return length;
    }
  }
  return 0;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = byte_at(text, 0) < 0x80 ? 1 : utf8_length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

std::string repair_utf8(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    repaired += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return repaired;
}

}  // namespace routedk::text
