/// The innermost product: a few rows of x times one packed panel of the other matrix.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace routedk::kernels::cpu {

/// A panel holds kPanel columns of B: [depth, kPanel], zero beyond B's last column.
inline constexpr std::int64_t kPanel = 32;

/// Makes one row of a panel of `size` elements of B.
inline void fill_panel_row(const float* from, std::int64_t size, float* row) {
  if (size == kPanel) {  // as nearly always: a copy of known size
    std::memcpy(row, from, kPanel * sizeof(float));
  } else {
    std::copy_n(from, size, row);
    std::fill(row + size, row + kPanel, 0.0F);
  }
}

/// Rows of A and C, and how far apart they are, in elements.
struct TileRows {
  const float* a;
  std::int64_t a_stride;
  float* c;
  std::int64_t c_stride;
  std::int64_t count;
};

/// C (+)= A [count,depth] times columns 0..width of the panel; `add` says whether C already holds a part.
/// Each element is one chain of fused multiply-adds over the depth, then added to C.
using TileFn = void (*)(const TileRows& rows, const float* panel, std::int64_t depth, std::int64_t width,
                        bool add);

/// The fastest one that this CPU runs.
TileFn choose_tile() noexcept;
/// The same for an A that is given as its transpose: `a` [depth,count], rows of it `a_stride` apart.
TileFn choose_transposed_tile() noexcept;

}  // namespace routedk::kernels::cpu
