/// Operands of products in bfloat16.
#pragma once

#include <cstdint>

namespace routedk::kernels::cpu {

/// Two bfloat16 numbers that a dot product takes together, the earlier in the lower half.
using Pair = std::uint32_t;

/// Pairs that hold `size` numbers.
constexpr std::int64_t pairs_of(std::int64_t size) {
  return (size + 1) / 2;
}

/// Numbers of one row, rounded to nearest even, to pairs_of(size) pairs; zero beyond the last. Subnormal
/// numbers may become zero.
void to_pairs(const float* row, std::int64_t size, Pair* out);
/// first[i], second[i] -> out[i]; null for a second row of zeros.
void interleave(const float* first, const float* second, std::int64_t size, Pair* out);

}  // namespace routedk::kernels::cpu
