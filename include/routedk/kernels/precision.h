/// How exact products are.
#pragma once

#include "routedk/core/named_enum.h"

#include <cstdint>

namespace routedk::kernels {

/// What a product's operands are rounded to. Sums and results are float32 in either case.
enum class Precision : std::uint8_t { kFloat32, kBFloat16 };
constexpr auto enum_names(Precision /*of*/) {
  return std::to_array<EnumName<Precision>>(
      {{Precision::kFloat32, "float32"}, {Precision::kBFloat16, "bfloat16"}});
}

}  // namespace routedk::kernels
