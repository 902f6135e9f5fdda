/// A parallel loop over independent items.
#pragma once

#include <cstdint>

#include <ATen/Parallel.h>

namespace routedk::kernels {

/// each(i) for i = 0 .. count - 1, in any order and concurrently.
template <typename Each>
void for_each_in_parallel(std::int64_t count, const Each& each) {
  at::parallel_for(0, count, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      each(i);
    }
  });
}

}  // namespace routedk::kernels
