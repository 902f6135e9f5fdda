#include "routedk/core/display.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <sstream>

#include <fmt/format.h>

namespace routedk {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;  // 0: not UTF-8
};

/// The first character (RFC 3629: shortest form, no surrogates, up to U+10FFFF).
CodePoint first_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t lead = byte(0);
  const std::size_t size = lead < 0x80   ? 1
                           : lead < 0xC2 ? 0
                           : lead < 0xE0 ? 2
                           : lead < 0xF0 ? 3
                           : lead < 0xF5 ? 4
                                         : 0;
  if (size == 0 || size > text.size()) {
    return {};
  }
  std::uint32_t value = size == 1 ? lead : lead & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) {
      return {};
    }
    value = value << 6U | (byte(i) & 0x3FU);
  }
  const bool shortest = size < 3 || value >= (size == 3 ? 0x800U : 0x10000U);
  const bool character = value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
  return shortest && character ? CodePoint{value, size} : CodePoint{};
}

/// C0 and C1 controls, zero-width and direction marks, line separators, U+FEFF.
bool is_unprintable(std::uint32_t c) {
  static constexpr std::array<std::array<std::uint32_t, 2>, 8> kRanges{{{0, 0x1F},
                                                                        {0x7F, 0x9F},
                                                                        {0x61C, 0x61C},
                                                                        {0x200B, 0x200F},
                                                                        {0x2028, 0x202E},
                                                                        {0x2060, 0x206F},
                                                                        {0xFEFF, 0xFEFF},
                                                                        {0xE0000, 0xE007F}}};
  return std::ranges::any_of(kRanges, [&](const auto& range) { return c >= range[0] && c <= range[1]; });
}

std::string escape_of(std::uint32_t c) {
  switch (c) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return c < 0x80 ? fmt::format("\\x{:02x}", c) : fmt::format("\\u{:04x}", c);
  }
}

/// The nearest character boundary at or before `at`.
std::size_t boundary(std::string_view text, std::size_t at) {
  while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) {
    --at;
  }
  return at;
}

struct Character {
  std::size_t bytes;
  std::size_t columns;
};

Character first_character(std::string_view text) {
  constexpr std::uint32_t kFirstWide = 0x1100;  // Hangul; UAX 11 has no wide characters below
  const CodePoint first = first_code_point(text);
  return {std::max<std::size_t>(first.bytes, 1), first.value < kFirstWide ? std::size_t{1} : std::size_t{2}};
}

struct KeyForm {
  std::string_view begins;
  std::size_t least;  // bytes of the whole key
};

/// The prefixes of keys of OpenAI and compatible services, Hugging Face, Groq, xAI, Google, GitHub, GitLab,
/// Replicate, NVIDIA, Perplexity, Fireworks, AWS and Slack, and of JSON web tokens.
constexpr std::array<KeyForm, 17> kKeyForms{{{"sk-", 12},
                                             {"sk_", 20},
                                             {"hf_", 20},
                                             {"gsk_", 20},
                                             {"xai-", 20},
                                             {"AIza", 30},
                                             {"ghp_", 20},
                                             {"gho_", 20},
                                             {"github_pat_", 20},
                                             {"glpat-", 16},
                                             {"r8_", 20},
                                             {"nvapi-", 16},
                                             {"pplx-", 16},
                                             {"fw_", 20},
                                             {"AKIA", 20},
                                             {"xoxb-", 20},
                                             {"eyJhbGciOi", 40}}};

bool is_key_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

bool is_api_key(std::string_view word) {
  return std::ranges::any_of(kKeyForms, [&](const KeyForm& form) {
    return word.size() >= form.least && word.starts_with(form.begins);
  });
}

/// Calls `on_word(word, is key)` for the words and the text between them, in order.
template <typename OnWord>
void each_word(std::string_view text, const OnWord& on_word) {
  while (!text.empty()) {
    const bool word = is_key_byte(text.front());
    const auto end = std::ranges::find_if(text, [&](char c) { return is_key_byte(c) != word; });
    const auto size = static_cast<std::size_t>(end - text.begin());
    on_word(text.substr(0, size), word && is_api_key(text.substr(0, size)));
    text.remove_prefix(size);
  }
}

}  // namespace

std::string escaped(std::string_view text, bool keep_newlines) {
  std::string line;
  line.reserve(text.size());
  while (!text.empty()) {
    const CodePoint first = first_code_point(text);
    const std::string_view bytes = text.substr(0, std::max<std::size_t>(first.bytes, 1));
    if (first.bytes == 0) {
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else if (is_unprintable(first.value) && !(keep_newlines && first.value == '\n')) {
      line += escape_of(first.value);
    } else {
      line += bytes;
    }
    text.remove_prefix(bytes.size());
  }
  return line;
}

std::string displayed(std::string_view text, std::size_t most) {
  if (text.size() <= most) {
    return escaped(text);
  }
  const std::size_t head = boundary(text, most * 2 / 3);
  const std::size_t tail = boundary(text, text.size() - most / 3);
  return escaped(text.substr(0, head)) + "..." + escaped(text.substr(tail));
}

std::size_t most_columns(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character first = first_character(text);
    columns += first.columns;
    text.remove_prefix(first.bytes);
  }
  return columns;
}

std::string cut_to_columns(std::string_view text, std::size_t columns) {
  constexpr std::string_view kDots = "...";
  if (most_columns(text) <= columns) {
    return std::string(text);
  }
  const std::string_view dots = kDots.substr(0, std::min(kDots.size(), columns));
  std::size_t end = 0;
  for (std::size_t used = dots.size(); end < text.size();) {
    const Character next = first_character(text.substr(end));
    used += next.columns;
    if (used > columns) {
      break;
    }
    end += next.bytes;
  }
  return std::string(text.substr(0, end)).append(dots);
}

std::string wrapped(const std::string& text, std::size_t columns, std::size_t indent) {
  std::istringstream words(text);
  std::string lines;
  std::size_t length = 0;
  for (std::string word; words >> word; length += word.size()) {
    if (length > 0 && length + 1 + word.size() <= columns) {
      lines += ' ';
      ++length;
    } else {
      lines.append(lines.empty() ? "" : "\n").append(indent, ' ');
      length = indent;
    }
    lines += word;
  }
  return lines;
}

std::string counted(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

bool holds_api_key(std::string_view text) {
  bool found = false;
  each_word(text, [&](std::string_view /*word*/, bool key) { found = found || key; });
  return found;
}

std::string without_api_keys(std::string_view text) {
  std::string clean;
  each_word(text, [&](std::string_view word, bool key) { clean += key ? "***" : word; });
  return clean;
}

}  // namespace routedk
