/// GPT-2's printable alphabet for the 256 bytes, the spelling of byte-level BPE vocabularies.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace routedk::text {

/// The UTF-8 spelling of each byte: '!'..'~', 0xA1..0xAC and 0xAE..0xFF are the characters with their own
/// number; the others are, in order, U+0100, U+0101, ...; a space is U+0120.
const std::array<std::string, 256>& byte_spellings();

/// The bytes that a vocabulary entry spells; characters outside the alphabet are kept.
std::string bytes_of_spelling(std::string_view spelling);
/// The same, but nothing if a character is outside the alphabet.
std::optional<std::string> bytes_if_spelled(std::string_view spelling);

}  // namespace routedk::text
