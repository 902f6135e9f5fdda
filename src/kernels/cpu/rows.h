/// Shared by the loops over rows of hidden states: compiled for several instruction sets, one range per
/// thread.
#pragma once

#include "routedk/kernels/cpu/vectorised.h"

#include <algorithm>
#include <cstdint>

#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>

namespace routedk::kernels::cpu {

/// The least number of elements per thread.
inline constexpr std::int64_t kGrain = 1 << 15;

/// Calls body(first, last) for ranges of `rows` rows of `width` elements.
template <typename Body>
void for_rows(std::int64_t rows, std::int64_t width, const Body& body) {
  at::parallel_for(0, rows, std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, width)), body);
}

}  // namespace routedk::kernels::cpu
