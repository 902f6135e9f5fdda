/// The parts of a softmax, in steps that vectorise.
#pragma once

#include "routedk/kernels/cpu/vectorised.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace routedk::kernels::cpu {

/// e^x within 2 ulp for -87 <= x <= 88; x is clamped to that range. e^x = 2^n e^r with n an integer and |r|
/// <= ln(2)/2, e^r by its Taylor series.
ROUTEDK_INLINE float exponential(float x) {
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it leaves no bits below 1
  const float bounded = std::min(std::max(x, -87.0F), 88.0F);
  const float n = (bounded * 1.44269504F + kRound) - kRound;
  const float r = (bounded - n * 0.693359375F) + n * 2.12194440e-4F;  // ln(2) in two parts
  float series = 1.0F / 5040;
  series = series * r + 1.0F / 720;
  series = series * r + 1.0F / 120;
  series = series * r + 1.0F / 24;
  series = series * r + 1.0F / 6;
  series = series * r + 0.5F;
  series = series * r + 1.0F;
  series = series * r + 1.0F;
  return series * std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
}

/// 16 floats, or as many registers as the CPU needs for them.
typedef float FloatLanes __attribute__((vector_size(64)));       // NOLINT(modernize-use-using)
typedef std::int32_t IntLanes __attribute__((vector_size(64)));  // NOLINT(modernize-use-using)

/// Raises each lane to the lane of `values` where that is larger.
ROUTEDK_INLINE void raise(FloatLanes& lanes, const FloatLanes& values) {
  lanes = values > lanes ? values : lanes;
}

/// moved[i] = x[i + kBy], wrapping around.
template <int kBy, typename Lanes>
ROUTEDK_INLINE void move_down(const Lanes& x, Lanes& moved) {
  moved =
      __builtin_shufflevector(x, x, kBy, kBy + 1, kBy + 2, kBy + 3, kBy + 4, kBy + 5, kBy + 6, kBy + 7,
                              kBy + 8, kBy + 9, kBy + 10, kBy + 11, kBy + 12, kBy + 13, kBy + 14, kBy + 15);
}

/// Combines each lane with the one kBy above it.
template <int kBy>
ROUTEDK_INLINE void raise_by(FloatLanes& x) {
  FloatLanes moved;
  move_down<kBy>(x, moved);
  raise(x, moved);
}
template <int kBy>
ROUTEDK_INLINE void add_by(IntLanes& x) {
  IntLanes moved;
  move_down<kBy>(x, moved);
  x += moved;
}

ROUTEDK_INLINE float largest_lane(const FloatLanes& all) {
  FloatLanes lanes = all;
  raise_by<8>(lanes);
  raise_by<4>(lanes);
  raise_by<2>(lanes);
  raise_by<1>(lanes);
  return lanes[0];
}

ROUTEDK_INLINE std::int32_t sum_of_lanes(const IntLanes& all) {
  IntLanes lanes = all;
  add_by<8>(lanes);
  add_by<4>(lanes);
  add_by<2>(lanes);
  add_by<1>(lanes);
  return lanes[0];
}

/// The largest of `so_far` and the values.
ROUTEDK_INLINE float largest_value(const float* values, std::int64_t count, float so_far) {
  FloatLanes lanes = FloatLanes{} + so_far;
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    FloatLanes next;
    std::memcpy(&next, values + i, sizeof(next));
    raise(lanes, next);
  }
  float largest = largest_lane(lanes);
  for (; i < count; ++i) {
    largest = values[i] > largest ? values[i] : largest;
  }
  return largest;
}

}  // namespace routedk::kernels::cpu
