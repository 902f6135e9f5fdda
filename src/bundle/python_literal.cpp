#include "routedk/bundle/python_literal.h"

#include "routedk/core/error.h"
#include "routedk/text/utf8.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace routedk::bundle {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_quote(char c) {
  return c == '\'' || c == '"';
}

/// A UTF-16 code unit in JSON: \u00e9.
std::string unit(std::uint32_t value) {
  return fmt::format("\\u{:04x}", value);
}

std::string code_point(std::uint32_t value) {
  if (value < 0x10000) {
    return unit(value);
  }
  const std::uint32_t above = value - 0x10000;
  return unit(0xD800U + (above >> 10U)) + unit(0xDC00U + (above & 0x3FFU));
}

/// A character of a string in JSON.
std::string plain(char c) {
  if (c == '"' || c == '\\') {
    return {'\\', c};
  }
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 ? unit(byte) : std::string(1, c);
}

/// A string being translated, under both meanings of \xHH.
struct Text {
  std::string characters;
  std::string bytes;

  void add(const std::string& json) {
    characters += json;
    bytes += json;
  }
  void add_byte(std::uint32_t value) {
    characters += unit(value);
    bytes += value < 0x80 ? plain(static_cast<char>(value)) : std::string(1, static_cast<char>(value));
  }
  std::string quoted() const { return '"' + (text::is_utf8(bytes) ? bytes : characters) + '"'; }
};

class Translator {
 public:
  explicit Translator(std::string_view literal) : rest_(literal) {}

  std::string run() {
    while (!rest_.empty()) {
      if (is_quote(rest_.front())) {
        add_text();
      } else if (is_letter(rest_.front())) {
        add_word();
      } else {
        json_ += take();
      }
    }
    return std::move(json_);
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  void add_word() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_letter);
    const std::string_view word = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(word.size());
    if (word == "u" && !rest_.empty() && is_quote(rest_.front())) {
      return;
    }
    json_ += word == "True" ? "true" : word == "False" ? "false" : word == "None" ? "null" : word;
  }

  void add_text() {
    const char quote = take();
    Text text;
    while (!rest_.empty() && rest_.front() != quote) {
      const char c = take();
      if (c == '\\' && !rest_.empty()) {
        add_escape(text);
      } else {
        text.add(plain(c));
      }
    }
    if (rest_.empty()) {
      throw_<FileError>("A text must end with its quote {}, but the line ends before", quote);
    }
    rest_.remove_prefix(1);
    json_ += text.quoted();
  }

  void add_escape(Text& text) {
    static constexpr std::string_view kNames = "abfnrtv";
    static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v";
    const char c = take();
    if (const std::size_t i = kNames.find(c); i != std::string_view::npos) {
      text.add(plain(kMeanings[i]));
    } else if (is_quote(c) || c == '\\') {
      text.add(plain(c));
    } else if (const auto value = hexadecimal(c)) {
      c == 'x' ? text.add_byte(*value) : text.add(code_point(*value));
    } else {
      text.add(plain('\\') + plain(c));
    }
  }

  /// Consumes and returns the number after \x, \u or \U; nothing if digits are missing.
  std::optional<std::uint32_t> hexadecimal(char letter) {
    const std::size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    std::uint32_t value = 0;
    if (digits == 0 || digits > rest_.size()) {
      return std::nullopt;
    }
    const char* end = rest_.data() + digits;
    const auto [stop, error] = std::from_chars(rest_.data(), end, value, 16);
    if (error != std::errc() || stop != end || value > 0x10FFFF) {
      return std::nullopt;
    }
    rest_.remove_prefix(digits);
    return value;
  }

  std::string_view rest_;
  std::string json_;
};

}  // namespace

std::string json_of_python(std::string_view literal) {
  return Translator(literal).run();
}

}  // namespace routedk::bundle
