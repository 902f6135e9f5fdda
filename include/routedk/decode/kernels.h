/// How products are computed while decoding.
#pragma once

#include "routedk/core/named_enum.h"

#include <cstdint>

namespace routedk::decode {

enum class Kernels : std::uint8_t {
  kReference,  ///< in the backbone's type, as in training; fp32 is the reference for exactness
  kInt8,       ///< in 8 bits (docs/decoding.md), if all linears are packed; on a GPU in bfloat16 as captured
               ///< graphs, if all linears are NF4 (docs/gpu.md); else as kReference
};
constexpr auto enum_names(Kernels /*of*/) {
  return std::to_array<EnumName<Kernels>>({{Kernels::kInt8, "int8"}, {Kernels::kReference, "reference"}});
}

}  // namespace routedk::decode
