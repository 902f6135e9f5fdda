/// The precision of products.
#pragma once

#include "routedk/core/named_enum.h"

#include <cstdint>

namespace routedk::kernels {

/// The type that a product's operands are rounded to. Sums and results are always float32.
enum class Precision : std::uint8_t { kFloat32, kBFloat16 };
constexpr auto enum_names(Precision /*of*/) {
  return std::to_array<EnumName<Precision>>(
      {{Precision::kFloat32, "float32"}, {Precision::kBFloat16, "bfloat16"}});
}

}  // namespace routedk::kernels
