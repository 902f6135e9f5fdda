/// Tokens that are found by their spelling before any splitting: special and user-defined ones.
#pragma once

#include "routedk/text/tokenizer.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::text {

/// Whether a token has no text of its own.
inline bool is_special(TokenType type) noexcept {
  return type == TokenType::kControl || type == TokenType::kUnknown;
}

class SpelledTokens {
 public:
  SpelledTokens() = default;
  /// The user-defined tokens of the vocabulary and, with `special`, the special ones.
  SpelledTokens(const Vocabulary& vocabulary, bool special);

  /// The text split at the spellings, in the order of the vocabulary's dialect.
  std::vector<Fragment> cut(std::string_view text) const;
  /// The text with `mark` after the first character of each spelling.
  std::string broken(std::string_view text, std::string_view mark) const;
  /// The token with exactly this spelling, or kNoToken.
  TokenId token(std::string_view spelling) const;

 private:
  struct Spelling {
    std::string text;
    TokenId token;
  };
  std::vector<Fragment> cut_leftmost(std::string_view text) const;
  const Spelling* longest_at(std::string_view text) const;

  Dialect dialect_ = Dialect::kLlamaCpp;
  std::vector<Spelling> spellings_;                            ///< longest first
  std::array<std::vector<std::size_t>, 256> by_first_byte_{};  ///< indices into spellings_, in its order
};

}  // namespace routedk::text
