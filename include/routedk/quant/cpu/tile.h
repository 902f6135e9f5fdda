/// The innermost product: a few rows of x times one packed panel of the other matrix.
#pragma once

#include <cstdint>
#include <cstring>

namespace routedk::quant::cpu {

/// A panel holds kPanel columns of B: [depth, kPanel], zero beyond B's last column.
inline constexpr std::int64_t kPanel = 32;

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

}  // namespace routedk::quant::cpu
