/// Tokens that are found by their spelling, before any splitting: special and user-defined ones.
#pragma once

#include "routedk/text/vocabulary.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::text {

/// Whether a token stands for no text of its own.
inline bool is_special(TokenType type) noexcept {
  return type == TokenType::kControl || type == TokenType::kUnknown;
}

/// A stretch of the input: text still to be encoded, or one token found by its spelling.
struct Fragment {
  std::string_view text;
  TokenId token = kNoToken;
};

class SpelledTokens {
 public:
  SpelledTokens() = default;
  /// The user-defined tokens of the vocabulary, and with `special` the special ones.
  SpelledTokens(const Vocabulary& vocabulary, bool special);

  /// The text cut at the spellings, in the order of the vocabulary's dialect.
  std::vector<Fragment> cut(std::string_view text) const;
  /// The token of exactly this spelling, or kNoToken.
  TokenId token(std::string_view spelling) const;

 private:
  struct Spelling {
    std::string text;
    TokenId token;
  };
  std::vector<Fragment> cut_leftmost(std::string_view text) const;
  const Spelling* longest_at(std::string_view text) const;

  Dialect dialect_ = Dialect::kLlamaCpp;
  std::vector<Spelling> spellings_;                            ///< the longest first
  std::array<std::vector<std::size_t>, 256> by_first_byte_{};  ///< of spellings_, in its order
};

}  // namespace routedk::text
