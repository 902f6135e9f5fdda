/// (left token, right token) -> the token that they merge into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace routedk::text {

/// Open addressing with linear probing: one cache miss per lookup, where a node-based map has two or three.
class PairTable {
 public:
  struct Merge {
    std::int32_t rank;
    std::int32_t result;
  };

  /// Room for `count` pairs.
  explicit PairTable(std::size_t count);

  /// False if the pair, of tokens >= 0, already exists.
  bool insert(std::int32_t left, std::int32_t right, Merge merge);
  /// Null if the pair does not merge.
  const Merge* find(std::int32_t left, std::int32_t right) const noexcept {
    const std::uint64_t key = key_of(left, right);
    for (std::size_t i = place_of(key);; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.key == key) {
        return &slot.merge;
      }
      if (slot.key == kFree) {
        return nullptr;
      }
    }
  }

 private:
  struct Slot {
    std::uint64_t key = kFree;
    Merge merge{};
  };
  static constexpr std::uint64_t kFree = ~std::uint64_t{0} - 1;  // not a pair: a token would be 2^32 - 2

  static std::uint64_t key_of(std::int32_t left, std::int32_t right) noexcept {
    return (std::uint64_t{static_cast<std::uint32_t>(left)} << 32U) | static_cast<std::uint32_t>(right);
  }
  std::size_t place_of(std::uint64_t key) const noexcept {
    return (key * 0x9E3779B97F4A7C15ULL >> 20U) & mask_;  // Fibonacci hashing (Knuth, volume 3, 6.4)
  }
  void grow();

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  std::size_t count_ = 0;
};

}  // namespace routedk::text
