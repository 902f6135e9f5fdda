/// Rows of numbers as the words that tiles multiply (tile.h): floats are used in place, pairs of bfloat16
/// numbers are written to a scratch buffer.
#pragma once

#include "routedk/kernels/cpu/tile.h"

#include <algorithm>
#include <cstdint>

namespace routedk::kernels::cpu {

/// `count` rows of `size` numbers, `stride` apart.
struct Rows {
  const float* data;
  std::int64_t stride;
  std::int64_t count;
  std::int64_t size;
};

template <typename Word>
struct Operand {
  const Word* data;
  std::int64_t stride;  ///< in words
};

/// Words along the rows, [count, words_of(size)]: A itself.
inline Operand<float> along(const Rows& rows, float* /*scratch*/) {
  return {rows.data, rows.stride};
}
inline Operand<Pair> along(const Rows& rows, Pair* scratch) {
  const std::int64_t words = pairs_of(rows.size);
  for (std::int64_t i = 0; i < rows.count; ++i) {
    to_pairs(rows.data + i * rows.stride, rows.size, scratch + i * words);
  }
  return {scratch, words};
}

/// Words across the rows, [words_of(count), size]: A as its transpose.
inline Operand<float> across(const Rows& rows, float* /*scratch*/) {
  return {rows.data, rows.stride};
}
inline Operand<Pair> across(const Rows& rows, Pair* scratch) {
  for (std::int64_t i = 0; i < rows.count; i += 2) {
    const float* const first = rows.data + i * rows.stride;
    interleave(first, i + 1 < rows.count ? first + rows.stride : nullptr, rows.size,
               scratch + i / 2 * rows.size);
  }
  return {scratch, rows.size};
}

/// Packs at most kPanel columns into a panel [words_of(count), kPanel].
inline void pack_panel(const Rows& rows, float* panel) {
  for (std::int64_t i = 0; i < rows.count; ++i) {
    fill_panel_row(rows.data + i * rows.stride, rows.size, panel + i * kPanel);
  }
}
inline void pack_panel(const Rows& rows, Pair* panel) {
  for (std::int64_t i = 0; i < rows.count; i += 2, panel += kPanel) {
    across({rows.data + i * rows.stride, rows.stride, std::min<std::int64_t>(2, rows.count - i), rows.size},
           panel);
    std::fill(panel + rows.size, panel + kPanel, Pair{});
  }
}

/// Packs at most kPanel rows into a panel of their transpose [words_of(size), kPanel]; the scratch buffer
/// holds the words of the rows.
template <typename Word>
void pack_transposed_panel(const Rows& rows, Word* panel, Word* scratch) {
  const Operand<Word> from = along(rows, scratch);
  const std::int64_t depth = words_of<Word>(rows.size);
  for (std::int64_t first = 0; first < depth; first += 16) {  // whole cache lines of each row
    const std::int64_t last = std::min(first + 16, depth);
    for (std::int64_t j = 0; j < kPanel; ++j) {
      for (std::int64_t k = first; k < last; ++k) {
        panel[k * kPanel + j] = j < rows.count ? from.data[j * from.stride + k] : Word{};
      }
    }
  }
}

}  // namespace routedk::kernels::cpu
