/// Arithmetic on sizes from a file: the result, or nothing on overflow.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace routedk::io {

inline std::optional<std::uint64_t> checked_multiply(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::nullopt : std::optional(product);
}

/// The number of elements of a shape; nothing if a dimension is negative or the product of the nonzero
/// dimensions exceeds int64, so that no stride overflows either.
inline std::optional<std::uint64_t> checked_count(std::span<const std::int64_t> shape) noexcept {
  std::uint64_t product = 1;
  bool empty = false;
  for (const std::int64_t dim : shape) {
    empty = empty || dim == 0;
    const auto next = checked_multiply(product, dim == 0 ? 1 : static_cast<std::uint64_t>(dim));
    if (dim < 0 || !next || *next > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return std::nullopt;
    }
    product = *next;
  }
  return empty ? 0 : product;
}

}  // namespace routedk::io
