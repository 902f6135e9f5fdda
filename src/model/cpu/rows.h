/// What the loops over rows of hidden states share: compiled for several instruction sets, one thread a
/// range.
#pragma once

#include "routedk/core/vectorised.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>

namespace routedk::model::cpu {

/// Elements that one thread gets at least.
inline constexpr std::int64_t kGrain = 1 << 15;

/// Calls body(first, last) for ranges of `rows` rows of `width` elements.
template <typename Body>
void for_rows(std::int64_t rows, std::int64_t width, const Body& body) {
  at::parallel_for(0, rows, std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, width)), body);
}

/// sum of term(0) .. term(width - 1), in 16 partial sums: an order that vectors keep.
template <typename Sum, typename Term>
ROUTEDK_INLINE Sum sum_of(std::int64_t width, const Term& term) {
  constexpr std::int64_t kLanes = 16;
  std::array<Sum, kLanes> lanes{};
  std::int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      lanes[static_cast<std::size_t>(lane)] += term(i + lane);
    }
  }
  Sum sum = 0;
  for (const Sum lane : lanes) {
    sum += lane;
  }
  for (; i < width; ++i) {
    sum += term(i);
  }
  return sum;
}

}  // namespace routedk::model::cpu
