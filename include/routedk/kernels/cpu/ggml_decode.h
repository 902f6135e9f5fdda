/// ggml's blocks -> codes with scales, and fp32: bit for bit what ggml's own dequantisation gives.
#pragma once

#include "routedk/kernels/ggml_type.h"

#include <array>
#include <cstdint>
#include <span>

namespace routedk::kernels::cpu {

/// Elements decoded at once, for every type.
inline constexpr std::int64_t kGgmlGroup = 32;

/// Consecutive elements: element i is scale[i / 16] * codes[i] + min.
struct GgmlGroup {
  std::array<std::int8_t, kGgmlGroup> codes;
  std::array<float, 2> scale;
  float min;  ///< 0 in types without minima
};

/// Group `index`, counted from `blocks`.
GgmlGroup ggml_group(GgmlType type, const std::uint8_t* blocks, std::int64_t index);
/// Elements first .. first + to.size(), counted from `blocks`.
void ggml_range_to_float(GgmlType type, const std::uint8_t* blocks, std::int64_t first, std::span<float> to);

}  // namespace routedk::kernels::cpu
