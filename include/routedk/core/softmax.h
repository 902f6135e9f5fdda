/// What a softmax is made of, in steps that vectors can take.
#pragma once

#include "routedk/core/vectorised.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace routedk {

/// e^x within 2 ulp for -87 <= x <= 88, which x is kept to: e^x = 2^n e^r with n whole and |r| <= ln(2)/2,
/// e^r by its Taylor series.
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

/// Raises each lane to the value in its place, where that is larger.
ROUTEDK_INLINE void raise(FloatLanes& lanes, const FloatLanes& values) {
  lanes = values > lanes ? values : lanes;
}

ROUTEDK_INLINE float largest_lane(const FloatLanes& lanes) {
  float largest = lanes[0];
  for (int lane = 1; lane < 16; ++lane) {
    largest = lanes[lane] > largest ? lanes[lane] : largest;
  }
  return largest;
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

}  // namespace routedk
