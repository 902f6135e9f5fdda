/// Shared by the kernels of int8_kernel.h: the layout of a panel, and tiles of rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "int8_kernel.h"

namespace routedk::kernels::cpu {

inline constexpr std::int64_t kWidth = 16;  // rows per panel
inline constexpr std::int64_t kLine = 64;   // bytes: 16 rows' weights of 4 columns, or of 8 in 4-bit codes

/// 4 codes of a row, packed for the dot products.
inline std::int32_t four_codes(const std::int8_t* codes) {
  std::int32_t bits = 0;
  std::memcpy(&bits, codes, sizeof(bits));
  return bits;
}

/// Calls Rows::run<count>(arguments...) for a count from 1 to kMost, known at run time.
template <typename Rows, std::int64_t kMost, typename... Arguments>
void with_count(std::int64_t count, const Arguments&... arguments) {
  if constexpr (kMost > 1) {
    if (count < kMost) {
      return with_count<Rows, kMost - 1>(count, arguments...);
    }
  }
  Rows::template run<static_cast<int>(kMost)>(arguments...);
}

/// Where a tile begins: a row and a panel of each term.
struct Place {
  std::int64_t row;
  std::int64_t panel;

  float* of(const Int8Sums& sums) const noexcept { return sums.values + row * sums.stride + panel * kWidth; }
  const std::uint8_t* of(const Int8Term& term) const noexcept {
    return term.panel + panel * term.panel_bytes;
  }
};

/// A term's rows, from a given row on.
struct TermRows {
  const std::int8_t* codes;
  const float* scales;
  const std::int32_t* corrections;
  const float* sums;
  std::int64_t codes_stride;
  std::int64_t stride;

  TermRows(const Int8Term& term, std::int64_t row)
      : codes(term.codes + row * term.row_blocks * term.block),
        scales(term.scales + row * term.row_blocks),
        corrections(term.corrections + row * term.row_blocks),
        sums(term.minima ? term.sums + row * term.row_blocks : nullptr),
        codes_stride(term.row_blocks * term.block),
        stride(term.row_blocks) {}
};

/// Copies a block's scales and minima and advances both pointers.
inline void copy_tail(const Int8Term& term, const std::uint8_t*& from, std::uint8_t*& to) {
  std::memcpy(to, from, static_cast<std::size_t>(term.tail_bytes()));
  from += term.tail_bytes();
  to += term.tail_bytes();
}

/// Rows::run(terms, place, sums) for kMost rows at a time.
template <typename Rows, std::int64_t kMost>
void by_rows(std::span<const Int8Term> terms, std::int64_t rows, std::int64_t panel, const Int8Sums& sums) {
  for (std::int64_t row = 0; row < rows; row += kMost) {
    with_count<Rows, kMost>(std::min(rows - row, kMost), terms, Place{row, panel}, sums);
  }
}

extern const Int8Kernel kInt8Vnni;
extern const Int8Kernel kInt8Avx2;

}  // namespace routedk::kernels::cpu
