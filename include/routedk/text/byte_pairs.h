/// Byte pair merging (Sennrich, Haddow, Birch 2016) over bytes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace routedk::text {

class BytePairs {
 public:
  /// `tokens` are spelled in the byte alphabet, without duplicates; a merge is "left right", the first has
  /// the lowest rank. FileError names the merge that is none or whose parts or result are no tokens; `source`
  /// names their file.
  BytePairs(std::span<const std::string> tokens, std::span<const std::string> merges,
            const std::string& source);

  /// Appends the piece's tokens: the pair of lowest rank is merged first, the leftmost of equals. Bytes
  /// without a token are dropped and keep their neighbours apart. O(n log n).
  void encode(std::string_view piece, std::vector<std::int32_t>& ids) const;

  /// The token that stands for exactly these bytes, or -1.
  std::int32_t token_of_bytes(std::string_view bytes) const;

 private:
  struct Merge {
    std::int32_t rank;
    std::int32_t result;
  };
  class Run;

  std::int32_t token(const std::string& spelling) const;
  void add_merge(std::string_view merge, const std::string& source);
  const Merge* find(std::int32_t left, std::int32_t right) const;

  std::array<std::int32_t, 256> byte_tokens_{};
  std::unordered_map<std::string, std::int32_t> tokens_;
  std::unordered_map<std::uint64_t, Merge> merges_;  ///< by left token << 32 | right token
};

}  // namespace routedk::text
