#include "routedk/kernels/cpu/pairs.h"

#include "routedk/kernels/cpu/vectorised.h"

#include <bit>

namespace routedk::kernels::cpu {
namespace {

constexpr std::uint32_t kUpper = 0xFFFF0000;
constexpr std::uint32_t kQuietNaN = 0x7FC00000;

/// Rounded to nearest even, in the upper half; what lies below is not cleared.
ROUTEDK_INLINE std::uint32_t rounded(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
  return is_nan ? kQuietNaN : bits + 0x7FFFU + (bits >> 16U & 1U);
}

ROUTEDK_INLINE Pair pair_of(float first, float second) {
  return rounded(first) >> 16U | (rounded(second) & kUpper);
}

ROUTEDK_CLONES void interleave_rows(const float* first, const float* second, std::int64_t size, Pair* out) {
  for (std::int64_t i = 0; i < size; ++i) {
    out[i] = pair_of(first[i], second[i]);
  }
}

ROUTEDK_CLONES void widen_row(const float* first, std::int64_t size, Pair* out) {
  for (std::int64_t i = 0; i < size; ++i) {
    out[i] = rounded(first[i]) >> 16U;
  }
}

ROUTEDK_CLONES void pair_up(const float* row, std::int64_t pairs, Pair* out) {
  for (std::int64_t i = 0; i < pairs; ++i) {
    out[i] = pair_of(row[2 * i], row[2 * i + 1]);
  }
}

}  // namespace

void to_pairs(const float* row, std::int64_t size, Pair* out) {
  pair_up(row, size / 2, out);
  if (size % 2 != 0) {
    out[size / 2] = rounded(row[size - 1]) >> 16U;
  }
}

void interleave(const float* first, const float* second, std::int64_t size, Pair* out) {
  if (second != nullptr) {
    interleave_rows(first, second, size, out);
  } else {
    widen_row(first, size, out);
  }
}

}  // namespace routedk::kernels::cpu
