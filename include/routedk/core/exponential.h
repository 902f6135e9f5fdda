/// e^x in steps that vectors can take.
#pragma once

#include "routedk/core/vectorised.h"

#include <algorithm>
#include <bit>
#include <cstdint>

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

}  // namespace routedk
