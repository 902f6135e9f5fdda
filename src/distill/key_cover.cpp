#include "routedk/distill/key_cover.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

namespace routedk::distill {
namespace {

constexpr std::size_t kFewestLetters = 8;
constexpr std::size_t kRun = 12;  // a run this long does not occur by chance in other text

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

char lower_case(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string base64_of(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  std::uint32_t held = 0;
  unsigned bits = 0;
  for (const char c : bytes) {
    held = held << 8U | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6; bits -= 6) {
      text += kDigits[held >> (bits - 6) & 63U];
    }
  }
  return text;  // omits the last partial digit, which depends on what follows
}

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  }
  return text;
}

std::string letters_of(std::string_view text) {
  std::string letters;
  for (const char c : text) {
    if (is_letter_or_digit(c)) {
      letters += lower_case(c);
    }
  }
  return letters;
}

/// The base64 digits that depend only on the key when `before` other bytes precede it.
std::string base64_inside(std::string_view key, std::size_t before) {
  const std::string all = base64_of(std::string(before, '\0') + std::string(key));
  return all.substr((8 * before + 5) / 6);
}

}  // namespace

KeyCover::KeyCover(std::string_view key) {
  const std::string letters = letters_of(key);
  if (letters.size() < kFewestLetters) {
    exact_ = key;
    return;
  }
  run_ = std::min(letters.size(), kRun);
  std::vector<std::string> forms{letters, letters_of(hexadecimal(key))};
  for (std::size_t before = 0; before < 3; ++before) {
    forms.push_back(letters_of(base64_inside(key, before)));
  }
  for (const std::string& form : forms) {
    for (std::size_t at = 0; at + run_ <= form.size(); ++at) {
      runs_.insert(form.substr(at, run_));
    }
  }
}

std::string KeyCover::cover(std::string_view text) const {
  std::string covered;
  if (runs_.empty()) {
    covered = text;
    for (std::size_t at = 0; !exact_.empty() && (at = covered.find(exact_, at)) != std::string::npos;
         at += 3) {
      covered.replace(at, exact_.size(), "***");
    }
    return covered;
  }
  std::string letters;
  std::vector<std::size_t> places;  // positions of the letters in the text
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_letter_or_digit(text[i])) {
      letters += lower_case(text[i]);
      places.push_back(i);
    }
  }
  std::size_t shown = 0;  // everything before it is in `covered`
  for (std::size_t at = 0; at + run_ <= letters.size(); ++at) {
    if (!runs_.contains(letters.substr(at, run_))) {
      continue;
    }
    if (places[at] >= shown) {
      covered += text.substr(shown, places[at] - shown);
      covered += "***";
    }
    shown = places[at + run_ - 1] + 1;
  }
  return covered += text.substr(shown);
}

}  // namespace routedk::distill
