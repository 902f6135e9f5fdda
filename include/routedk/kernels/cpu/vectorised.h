/// How vectorised loops are compiled, and sums in an order that vectorises.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// Compiles a function for several instruction sets; the widest that the CPU has is chosen at program start.
#define ROUTEDK_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
/// Inlines a function into each of those versions.
#define ROUTEDK_INLINE __attribute__((always_inline)) inline

namespace routedk::kernels::cpu {

/// sum of term(0) .. term(width - 1), in 16 partial sums: an order that vectorises.
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

}  // namespace routedk::kernels::cpu
