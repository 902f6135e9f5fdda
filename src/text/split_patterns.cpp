#include "split_patterns.h"

#include <algorithm>
#include <array>

namespace routedk::text {
namespace {

constexpr std::size_t kMaxPattern = 4096;  // bytes
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
constexpr std::string_view kDigits = "0123456789";

/// `\s+(?!\S)|\s+`: white space, except for the last character before a word.
std::string blanks() {
  const std::string space(kSpaces);
  return "[" + space + "]+(?![^" + space + "])|[" + space + "]+";
}

/// Reads from left to right; every step returns false at anything outside the common subset.
class Translator {
 public:
  explicit Translator(std::string_view pattern) : rest_(pattern) {}

  std::optional<std::string> translate() {
    while (!rest_.empty()) {
      if (!item()) {
        return std::nullopt;
      }
    }
    return depth_ == 0 ? std::optional(result_) : std::nullopt;
  }

 private:
  enum class Before { kNothing, kCharacter, kGroup };  // what a repetition would apply to

  bool item() {
    switch (rest_.front()) {
      case '\\':
        before_ = Before::kCharacter;
        return escape(/*in_class=*/false);
      case '[':
        before_ = Before::kCharacter;
        return char_class();
      case '(':
        return open_group();
      case ')':
        before_ = Before::kGroup;
        return depth_-- > 0 && copy(1);
      case '|':
        before_ = Before::kNothing;
        return copy(1);
      case '*':
      case '+':
      case '?':
      case '{':
        return repetition();
      case '.':
      case '^':
      case '$':
      case ']':
      case '}':
        return false;
      default:
        before_ = Before::kCharacter;
        return copy(1);
    }
  }

  bool open_group() {
    constexpr std::array<std::string_view, 4> kOpenings = {"(?:", "(?i:", "(?=", "(?!"};
    ++depth_;
    before_ = Before::kNothing;
    return std::any_of(kOpenings.begin(), kOpenings.end(), [this](std::string_view opening) {
      return rest_.starts_with(opening) && copy(opening.size());
    });
  }

  bool repetition() {
    const bool once = rest_.front() == '?';
    const bool counted = rest_.front() == '{';
    if (before_ == Before::kNothing || (before_ == Before::kGroup && !once)) {
      return false;
    }
    before_ = Before::kNothing;
    if (counted) {
      return counts();
    }
    copy(1);
    return !rest_.starts_with('+') || copy(1);  // possessive in both
  }

  /// {m}, {m,} or {m,n}; a + after it differs between the two syntaxes and is rejected as a repetition.
  bool counts() {
    const std::size_t end = rest_.find('}');
    if (end == std::string_view::npos || end > 8 || !starts_with_digit(rest_.substr(1)) ||
        rest_.substr(1, end - 1).find_first_not_of("0123456789,") != std::string_view::npos) {
      return false;
    }
    return copy(end + 1);
  }

  bool escape(bool in_class) {
    const char kind = rest_.size() > 1 ? rest_[1] : '\0';
    const std::string spaces(kSpaces);
    if (kind == 's') {
      return replace(2, in_class ? spaces : "[" + spaces + "]");
    }
    if (kind == 'S' && !in_class) {
      return replace(2, "[^" + spaces + "]");
    }
    if (kind == 'p' || kind == 'P') {
      return property();
    }
    const bool plain = kind > ' ' && kind < '\x7F' && kLetters.find(kind) == std::string_view::npos &&
                       kDigits.find(kind) == std::string_view::npos;
    return (plain || std::string_view("drnt").find(kind) != std::string_view::npos) && copy(2);
  }

  bool property() {
    const std::size_t end = rest_.find('}');
    if (end == std::string_view::npos || end < 4 || rest_[2] != '{' ||
        rest_.substr(3, end - 3).find_first_not_of(kLetters) != std::string_view::npos) {
      return false;
    }
    return copy(end + 1);
  }

  bool char_class() {
    copy(rest_.starts_with("[^") ? 2 : 1);
    for (bool first = true; !rest_.empty(); first = false) {
      if (rest_.front() == ']') {
        return !first && copy(1);
      }
      const bool nested = rest_.front() == '[' || rest_.starts_with("&&");
      if (nested || (rest_.front() == '\\' ? !escape(/*in_class=*/true) : !copy(1))) {
        return false;
      }
    }
    return false;
  }

  static bool starts_with_digit(std::string_view text) {
    return !text.empty() && kDigits.find(text.front()) != std::string_view::npos;
  }
  bool copy(std::size_t count) { return replace(count, rest_.substr(0, count)); }
  bool replace(std::size_t count, std::string_view by) {
    result_ += by;
    rest_.remove_prefix(std::min(count, rest_.size()));
    return true;
  }

  std::string_view rest_;
  std::string result_;
  int depth_ = 0;
  Before before_ = Before::kNothing;
};

}  // namespace

std::string gpt2_pattern() {
  return R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^)" + std::string(kSpaces) + R"(\p{L}\p{N}]+|)" +
         blanks();
}

std::string llama3_pattern() {
  const std::string space(kSpaces);
  return R"('[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^)" +
         space + R"(\p{L}\p{N}]+[\r\n]*|[)" + space + R"(]*[\r\n]+|)" + blanks();
}

std::optional<std::string> pcre_pattern(std::string_view pattern) {
  return pattern.empty() || pattern.size() > kMaxPattern ? std::nullopt : Translator(pattern).translate();
}

}  // namespace routedk::text
