/// Byte pair encoding (Sennrich, Haddow, Birch 2016) over bytes.
#pragma once

#include "routedk/text/byte_table.h"
#include "routedk/text/pair_table.h"
#include "routedk/text/vocabulary.h"

#include <array>
#include <string_view>
#include <vector>

namespace routedk::text {

class BytePairs {
 public:
  /// From the vocabulary's tokens and its merges, or merges by id. Special tokens are excluded: text never
  /// becomes one. FileError names a token that occurs twice, and a merge that is malformed, occurs twice, or
  /// whose parts or result are not tokens.
  explicit BytePairs(const Vocabulary& vocabulary);

  /// Appends the piece's tokens: the pair of lowest rank is merged first, the leftmost among equals. Bytes
  /// without a token are dropped; the dialect determines whether their neighbours may merge. O(n log n);
  /// short pieces by scanning, where that is faster.
  void encode(std::string_view piece, std::vector<TokenId>& ids) const;

  /// The token for exactly these bytes, or kNoToken.
  TokenId token_of_bytes(std::string_view bytes) const noexcept { return tokens_.find(bytes); }

 private:
  class Run;

  void add_merges(const Vocabulary& vocabulary);
  void add_merges_by_id(const Vocabulary& vocabulary);
  void encode_short(std::string_view piece, std::vector<TokenId>& ids) const;

  std::array<TokenId, 256> byte_tokens_{};
  ByteTable tokens_;
  PairTable merges_;
  bool gaps_merge_;  ///< the neighbours of a byte without a token may merge
};

}  // namespace routedk::text
