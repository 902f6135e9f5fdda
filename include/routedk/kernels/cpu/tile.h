/// The innermost product: a few rows of x times one packed panel of the matrix.
#pragma once

#include "routedk/kernels/cpu/pairs.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace routedk::kernels::cpu {

/// A panel holds kPanel columns of B: [depth, kPanel] words, zero beyond B's last column. A word is a float
/// or two bfloat16 numbers, consecutive along the depth.
inline constexpr std::int64_t kPanel = 32;

/// Numbers along the depth in a word.
template <typename Word>
inline constexpr std::int64_t kNumbers = std::is_same_v<Word, Pair> ? 2 : 1;

/// Words that hold `depth` numbers.
template <typename Word>
constexpr std::int64_t words_of(std::int64_t depth) {
  return (depth + kNumbers<Word> - 1) / kNumbers<Word>;
}

/// Fills one row of a panel from `size` words of B.
template <typename Word>
void fill_panel_row(const Word* from, std::int64_t size, Word* row) {
  if (size == kPanel) {  // the common case: a copy of constant size
    std::memcpy(row, from, kPanel * sizeof(Word));
  } else {
    std::copy_n(from, size, row);
    std::fill(row + size, row + kPanel, Word{});
  }
}

/// Rows of A and C with their strides, in words and floats.
template <typename Word>
struct TileRows {
  const Word* a;
  std::int64_t a_stride;
  float* c;
  std::int64_t c_stride;
  std::int64_t count;
};

/// C (+)= A [count,depth] times columns 0..width of the panel, `depth` in words; `add` says whether to add to
/// C. Each element is one chain of fused multiply-adds over the depth, then added to C.
template <typename Word>
using TileFn = void (*)(const TileRows<Word>& rows, const Word* panel, std::int64_t depth, std::int64_t width,
                        bool add);

/// The fastest kernel for this CPU, for float or Pair.
template <typename Word>
TileFn<Word> choose_tile() noexcept;
/// The same for A given as its transpose: `a` [depth,count], rows `a_stride` apart.
template <typename Word>
TileFn<Word> choose_transposed_tile() noexcept;

template <>
TileFn<float> choose_tile<float>() noexcept;
template <>
TileFn<Pair> choose_tile<Pair>() noexcept;
template <>
TileFn<float> choose_transposed_tile<float>() noexcept;
template <>
TileFn<Pair> choose_transposed_tile<Pair>() noexcept;

}  // namespace routedk::kernels::cpu
