#include "routedk/distill/key_cover.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace routedk::distill {
namespace {

constexpr std::size_t kFewestLetters = 8;

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
  return text;  // what is left of the last digit depends on what follows
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

/// The base64 digits that the key alone decides when `before` bytes of something else precede it.
std::string base64_inside(std::string_view key, std::size_t before) {
  const std::string all = base64_of(std::string(before, '\0') + std::string(key));
  return all.substr((8 * before + 5) / 6);
}

}  // namespace

KeyCover::KeyCover(std::string_view key) {
  if (letters_of(key).size() < kFewestLetters) {
    exact_ = key;
    return;
  }
  std::vector<std::string> forms{std::string(key), hexadecimal(key)};
  for (std::size_t before = 0; before < 3; ++before) {
    forms.push_back(base64_inside(key, before));
  }
  for (const std::string& form : forms) {
    letters_.push_back(letters_of(form));
  }
}

std::string KeyCover::cover(std::string_view text) const {
  std::string covered(text);
  for (std::size_t at = 0; !exact_.empty() && (at = covered.find(exact_, at)) != std::string::npos; at += 3) {
    covered.replace(at, exact_.size(), "***");
  }
  for (const std::string& form : letters_) {
    std::string letters;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < covered.size(); ++i) {
      if (is_letter_or_digit(covered[i])) {
        letters += lower_case(covered[i]);
        places.push_back(i);
      }
    }
    for (std::size_t at = letters.rfind(form); at != std::string::npos;
         at = at < form.size() ? std::string::npos : letters.rfind(form, at - form.size())) {
      const std::size_t begin = places[at];
      covered.replace(begin, places[at + form.size() - 1] + 1 - begin, "***");
    }
  }
  return covered;
}

}  // namespace routedk::distill
