/// ggml's blocks -> codes with their scales, and fp32: bit for bit what ggml's own dequantisation gives.
#pragma once

#include "routedk/kernels/ggml_type.h"

#include <array>
#include <cstdint>
#include <span>

namespace routedk::kernels::cpu {

/// Elements that are decoded at once, whatever the type.
inline constexpr std::int64_t kGgmlGroup = 32;

/// Neighbouring elements: number i is scale[i / 16] * codes[i] + min.
struct GgmlGroup {
  std::array<std::int8_t, kGgmlGroup> codes;
  std::array<float, 2> scale;
  float min;  ///< 0 in types without
};

/// Group `index` of those that begin at `blocks`.
GgmlGroup ggml_group(GgmlType type, const std::uint8_t* blocks, std::int64_t index);
/// Elements first .. first + to.size(), counted from `blocks` on.
void ggml_range_to_float(GgmlType type, const std::uint8_t* blocks, std::int64_t first, std::span<float> to);

}  // namespace routedk::kernels::cpu
