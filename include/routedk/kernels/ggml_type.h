/// The types of ggml's quantised blocks, which a GGUF file's matrices consist of (ggml's ggml-common.h).
#pragma once

#include "routedk/core/named_enum.h"

#include <cstdint>

namespace routedk::kernels {

/// Separate from io::GgmlType, which numbers all types of a file: kernels do not depend on io, nor io on
/// kernels. quant::block_type maps one to the other.
enum class GgmlType : std::uint8_t { kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0, kQ4_K, kQ5_K, kQ6_K };
constexpr auto enum_names(GgmlType /*of*/) {
  return std::to_array<EnumName<GgmlType>>({{GgmlType::kQ4_0, "Q4_0"},
                                            {GgmlType::kQ4_1, "Q4_1"},
                                            {GgmlType::kQ5_0, "Q5_0"},
                                            {GgmlType::kQ5_1, "Q5_1"},
                                            {GgmlType::kQ8_0, "Q8_0"},
                                            {GgmlType::kQ4_K, "Q4_K"},
                                            {GgmlType::kQ5_K, "Q5_K"},
                                            {GgmlType::kQ6_K, "Q6_K"}});
}

/// The layout of one block.
struct GgmlLayout {
  std::int64_t elements;  ///< consecutive in a row
  std::int64_t bytes;
  std::int64_t scales_at;  ///< offset in bytes of its half-precision scales
  std::int64_t scales;     ///< number of scales; a minimum counts as one
};

constexpr GgmlLayout layout_of(GgmlType type) noexcept {
  switch (type) {
    case GgmlType::kQ4_0:
      return {32, 18, 0, 1};
    case GgmlType::kQ4_1:
      return {32, 20, 0, 2};
    case GgmlType::kQ5_0:
      return {32, 22, 0, 1};
    case GgmlType::kQ5_1:
      return {32, 24, 0, 2};
    case GgmlType::kQ8_0:
      return {32, 34, 0, 1};
    case GgmlType::kQ4_K:
      return {256, 144, 0, 2};
    case GgmlType::kQ5_K:
      return {256, 176, 0, 2};
    case GgmlType::kQ6_K:
      break;
  }
  return {256, 210, 208, 1};
}

}  // namespace routedk::kernels
