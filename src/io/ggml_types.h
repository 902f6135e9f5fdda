/// The block types of ggml that are read here, in one table.
#pragma once

#include "routedk/io/gguf.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace routedk::io {

/// Decodes one block.
using DecodeBlock = void (*)(const std::byte* block, float* out);

struct GgmlTypeInfo {
  GgmlType type;
  const char* name;
  BlockLayout block;
  DecodeBlock decode;
};

std::span<const GgmlTypeInfo> ggml_types() noexcept;

/// Blocks of 256 with 6-bit scales of their sub-blocks (ggml's "k-quants").
inline constexpr std::int64_t kSuperBlock = 256;
void decode_q4_k(const std::byte* block, float* out);
void decode_q5_k(const std::byte* block, float* out);
void decode_q6_k(const std::byte* block, float* out);

template <typename T>
T load(const std::byte* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

/// IEEE half to single: exact for every value; NaN keeps its payload.
inline float load_half(const std::byte* at) noexcept {
  const auto half = load<std::uint16_t>(at);
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1FU;
  const std::uint32_t mantissa = half & 0x3FFU;
  if (exponent == 0x1F) {
    return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
  }
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1.0p-24F;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | ((exponent + 112U) << 23) | (mantissa << 13));
}

}  // namespace routedk::io
