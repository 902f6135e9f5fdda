#include "routedk/text/byte_alphabet.h"

#include "routedk/text/utf8.h"

#include <algorithm>
#include <unordered_map>

namespace routedk::text {
namespace {

bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

/// UTF-8 encoding of a character below U+0800.
std::string spell(unsigned character) {
  if (character < 0x80) {
    return {static_cast<char>(character)};
  }
  return {static_cast<char>(0xC0U | (character >> 6U)), static_cast<char>(0x80U | (character & 0x3FU))};
}

std::array<std::string, 256> make_spellings() {
  std::array<std::string, 256> spellings;
  unsigned next = 0x100;
  for (unsigned byte = 0; byte < spellings.size(); ++byte) {
    spellings.at(byte) = spell(stands_for_itself(byte) ? byte : next++);
  }
  return spellings;
}

std::unordered_map<std::string_view, char> make_bytes() {
  std::unordered_map<std::string_view, char> bytes;
  for (std::size_t byte = 0; byte < byte_spellings().size(); ++byte) {
    bytes.emplace(byte_spellings().at(byte), static_cast<char>(byte));
  }
  return bytes;
}

const std::unordered_map<std::string_view, char>& bytes_by_spelling() {
  static const std::unordered_map<std::string_view, char> bytes = make_bytes();
  return bytes;
}

/// A byte that is not part of a character counts as one.
std::string_view first_character(std::string_view text) {
  return text.substr(0, std::max<std::size_t>(1, utf8_length(text)));
}

}  // namespace

const std::array<std::string, 256>& byte_spellings() {
  static const std::array<std::string, 256> spellings = make_spellings();
  return spellings;
}

std::optional<std::string> bytes_if_spelled(std::string_view spelling) {
  std::string bytes;
  while (!spelling.empty()) {
    const std::string_view character = first_character(spelling);
    const auto found = bytes_by_spelling().find(character);
    if (found == bytes_by_spelling().end()) {
      return std::nullopt;
    }
    bytes += found->second;
    spelling.remove_prefix(character.size());
  }
  return bytes;
}

std::string bytes_of_spelling(std::string_view spelling) {
  std::string bytes;
  while (!spelling.empty()) {
    const std::string_view character = first_character(spelling);
    const auto found = bytes_by_spelling().find(character);
    bytes += found == bytes_by_spelling().end() ? character : std::string_view(&found->second, 1);
    spelling.remove_prefix(character.size());
  }
  return bytes;
}

}  // namespace routedk::text
