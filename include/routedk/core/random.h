/// Keyed random numbers: a generator is a pure function of (seed, purpose, where), without carried state, so
/// resuming, packing and recomputing need no saved state.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <utility>

namespace routedk {

/// The 64-bit finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that mixes all bits.
constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

/// FNV-1a of a string, for purposes and keys given as words.
constexpr std::uint64_t hash64(std::string_view text) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  }
  return hash;
}

/// A key for (seed, purpose, where...): a change of any part gives an unrelated stream.
constexpr std::uint64_t random_key(std::uint64_t seed, std::string_view purpose,
                                   std::initializer_list<std::uint64_t> where = {}) noexcept {
  std::uint64_t key = mix64(seed ^ mix64(hash64(purpose)));
  for (const std::uint64_t part : where) {
    key = mix64(key ^ mix64(part));
  }
  return key;
}

/// A stream of random numbers from a key; satisfies UniformRandomBitGenerator.
class Random {
 public:
  using result_type = std::uint64_t;

  explicit constexpr Random(std::uint64_t key) noexcept : key_(key) {}
  constexpr Random(std::uint64_t seed, std::string_view purpose,
                   std::initializer_list<std::uint64_t> where = {}) noexcept
      : key_(random_key(seed, purpose, where)) {}

  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }

  constexpr result_type operator()() noexcept { return mix64(key_ ^ mix64(counter_++)); }
  /// Uniform in [0, 1) with 53 bits.
  constexpr double uniform() noexcept { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }
  /// Uniform in {0, ..., bound - 1}; bound must be positive. Multiply-shift; its bias is below bound / 2^64.
  constexpr std::uint64_t below(std::uint64_t bound) noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((Wide{(*this)()} * bound) >> 64);
  }

 private:
  std::uint64_t key_;
  std::uint64_t counter_ = 0;
};

/// In-place Fisher-Yates shuffle with a Random: the same order with every standard library.
template <typename Container>
void shuffle(Container& values, Random random) {
  for (std::size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[random.below(i)]);
  }
}

}  // namespace routedk
