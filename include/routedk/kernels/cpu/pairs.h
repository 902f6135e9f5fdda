/// Operands of bfloat16 products.
#pragma once

#include <cstdint>

namespace routedk::kernels::cpu {

/// Two bfloat16 numbers that a dot product consumes together, the first in the low half.
using Pair = std::uint32_t;

/// Pairs that hold `size` numbers.
constexpr std::int64_t pairs_of(std::int64_t size) {
  return (size + 1) / 2;
}

/// Rounds the numbers of a row to nearest even, into pairs_of(size) pairs; pads with zero. Subnormal numbers
/// may become zero.
void to_pairs(const float* row, std::int64_t size, Pair* out);
/// first[i], second[i] -> out[i]; a null `second` is a row of zeros.
void interleave(const float* first, const float* second, std::int64_t size, Pair* out);

}  // namespace routedk::kernels::cpu
