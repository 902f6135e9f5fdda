/// The loops of a tile, generic in the registers that hold its sums. `Registers` defines
///   Word          the words of A and the panel
///   Vector, Words the floats and the words of one register
///   kLanes        their number
///   kVectors      registers across the panel's columns
///   kRows         rows of A at once
///   Narrow        the same for panels of which at most half the columns are used
/// and add_product(sum, a, b), which adds the products of word a with the words b.
#pragma once

#include "routedk/kernels/cpu/tile.h"
#include "routedk/kernels/cpu/vectorised.h"

#include <cstring>

namespace routedk::kernels::cpu {

/// Element (i, k) of A, which is given as itself or as its transpose.
template <bool kTransposed, typename Word>
ROUTEDK_INLINE std::int64_t place(const TileRows<Word>& rows, std::int64_t i, std::int64_t k) {
  return kTransposed ? k * rows.a_stride + i : i * rows.a_stride + k;
}

/// kCount rows times kVectors vectors of the panel's columns. Contracts to fused multiply-adds.
template <typename Registers, bool kTransposed, int kCount, typename Word = typename Registers::Word>
ROUTEDK_INLINE void multiply_rows(const TileRows<Word>& rows, const Word* panel, std::int64_t depth,
                                  float* out, std::int64_t out_stride, bool add) {
  using Vector = typename Registers::Vector;
  Vector sum[kCount][Registers::kVectors] = {};
  for (int i = 0; i < kCount; ++i) {  // prefetch C while the loop runs
    for (int j = 0; j < Registers::kVectors; ++j) {
      __builtin_prefetch(out + i * out_stride + j * Registers::kLanes, /*write=*/1);
    }
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    typename Registers::Words b[Registers::kVectors];
    for (int j = 0; j < Registers::kVectors; ++j) {
      std::memcpy(&b[j], panel + k * kPanel + j * Registers::kLanes, sizeof(b[j]));
    }
    for (int i = 0; i < kCount; ++i) {
      const Word a = rows.a[place<kTransposed>(rows, i, k)];
      for (int j = 0; j < Registers::kVectors; ++j) {
        Registers::add_product(sum[i][j], a, b[j]);
      }
    }
  }
  for (int i = 0; i < kCount; ++i) {
    for (int j = 0; j < Registers::kVectors; ++j) {
      float* const to = out + i * out_stride + j * Registers::kLanes;
      if (add) {
        Vector before;
        std::memcpy(&before, to, sizeof(Vector));
        sum[i][j] += before;
      }
      std::memcpy(to, &sum[i][j], sizeof(Vector));
    }
  }
}

/// Like `multiply_rows`, but only `width` columns belong to C.
template <typename Registers, bool kTransposed, int kCount, typename Word = typename Registers::Word>
ROUTEDK_INLINE void multiply_edge(const TileRows<Word>& rows, const Word* panel, std::int64_t depth,
                                  std::int64_t width, bool add) {
  constexpr std::int64_t kColumns = Registers::kLanes * Registers::kVectors;
  float out[kCount * kColumns] = {};
  for (int i = 0; add && i < kCount; ++i) {
    std::memcpy(out + i * kColumns, rows.c + i * rows.c_stride,
                static_cast<std::size_t>(width) * sizeof(float));
  }
  multiply_rows<Registers, kTransposed, kCount>(rows, panel, depth, out, kColumns, add);
  for (int i = 0; i < kCount; ++i) {
    std::memcpy(rows.c + i * rows.c_stride, out + i * kColumns,
                static_cast<std::size_t>(width) * sizeof(float));
  }
}

template <typename Registers, bool kTransposed, int kCount, typename Word = typename Registers::Word>
ROUTEDK_INLINE void some_rows(const TileRows<Word>& rows, const Word* panel, std::int64_t depth,
                              std::int64_t width, bool add) {
  constexpr std::int64_t kColumns = Registers::kLanes * Registers::kVectors;
  for (std::int64_t column = 0; column < width; column += kColumns) {
    TileRows<Word> here = rows;
    here.c += column;
    if (width - column >= kColumns) {
      multiply_rows<Registers, kTransposed, kCount>(here, panel + column, depth, here.c, here.c_stride, add);
    } else {
      multiply_edge<Registers, kTransposed, kCount>(here, panel + column, depth, width - column, add);
    }
  }
}

template <typename Registers, bool kTransposed, typename Word = typename Registers::Word>
ROUTEDK_INLINE void all_rows(const TileRows<Word>& rows, const Word* panel, std::int64_t depth,
                             std::int64_t width, bool add) {
  std::int64_t done = 0;
  const auto at = [&](std::int64_t row) {
    return TileRows<Word>{rows.a + place<kTransposed>(rows, row, 0), rows.a_stride,
                          rows.c + row * rows.c_stride, rows.c_stride, 0};
  };
  for (; done + Registers::kRows <= rows.count; done += Registers::kRows) {
    some_rows<Registers, kTransposed, Registers::kRows>(at(done), panel, depth, width, add);
  }
  for (; done + 4 <= rows.count; done += 4) {
    some_rows<Registers, kTransposed, 4>(at(done), panel, depth, width, add);
  }
  switch (rows.count - done) {  // one row alone has too few sums to hide the latency
    case 3:
      return some_rows<Registers, kTransposed, 3>(at(done), panel, depth, width, add);
    case 2:
      return some_rows<Registers, kTransposed, 2>(at(done), panel, depth, width, add);
    case 1:
      return some_rows<Registers, kTransposed, 1>(at(done), panel, depth, width, add);
    default:
      break;
  }
}

template <typename Registers, bool kTransposed, typename Word = typename Registers::Word>
ROUTEDK_INLINE void tile(const TileRows<Word>& rows, const Word* panel, std::int64_t depth,
                         std::int64_t width, bool add) {
  if (width <= Registers::Narrow::kLanes * Registers::Narrow::kVectors) {
    all_rows<typename Registers::Narrow, kTransposed>(rows, panel, depth, width, add);
  } else {
    all_rows<Registers, kTransposed>(rows, panel, depth, width, add);
  }
}

}  // namespace routedk::kernels::cpu
