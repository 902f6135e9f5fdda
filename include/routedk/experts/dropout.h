/// Dropout whose mask is a function of its key: recomputation, packing and resuming need nothing saved.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::experts {

/// Rows begin..end of a batch under one key; each element draws 16 bits by its row in the segment and its
/// column.
struct DropoutSegment {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::uint64_t key = 0;
};

/// x [T,in] with each element zeroed with probability `rate` and the others divided by (1 - rate); the rate
/// is rounded to 1/65536. Differentiable: the gradient meets the same mask.
at::Tensor keyed_dropout(const at::Tensor& x, double rate, const std::vector<DropoutSegment>& segments);

}  // namespace routedk::experts
