#include "routedk/core/error.h"
#include "routedk/io/gguf.h"

#include <array>
#include <bit>
#include <cstring>

namespace routedk::io {
namespace {

constexpr std::size_t kBlock = 32;

template <typename T>
T load(const std::byte* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// IEEE half to single: exact for every value; NaN keeps its payload.
float half_to_float(std::uint16_t half) noexcept {
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

float load_half(const std::byte* at) noexcept {
  return half_to_float(load<std::uint16_t>(at));
}

float load_bfloat(const std::byte* at) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(at)) << 16);
}

// 32 codes of 4 bits: the low nibbles are elements 0 to 15, the high ones 16 to 31.
template <typename Decode>
void decode_nibbles(const std::byte* codes, float* out, const Decode& decode) {
  for (std::size_t i = 0; i < kBlock / 2; ++i) {
    const auto pair = std::to_integer<int>(codes[i]);
    out[i] = decode(pair & 0xF);
    out[i + kBlock / 2] = decode(pair >> 4);
  }
}

void decode_block(GgmlType type, const std::byte* block, float* out) {
  switch (type) {
    case GgmlType::kF32:
      *out = load<float>(block);
      return;
    case GgmlType::kF16:
      *out = load_half(block);
      return;
    case GgmlType::kBF16:
      *out = load_bfloat(block);
      return;
    case GgmlType::kQ4_0:
      return decode_nibbles(block + 2, out, [scale = load_half(block)](int code) {
        return static_cast<float>(code - 8) * scale;
      });
    case GgmlType::kQ4_1:
      return decode_nibbles(block + 4, out, [scale = load_half(block), low = load_half(block + 2)](int code) {
        return static_cast<float>(code) * scale + low;
      });
    case GgmlType::kQ8_0:
      for (std::size_t i = 0; i < kBlock; ++i) {
        out[i] = static_cast<float>(load<std::int8_t>(block + 2 + i)) * load_half(block);
      }
      return;
  }
}

}  // namespace

const char* ggml_type_name(GgmlType type) noexcept {
  switch (type) {
    case GgmlType::kF32:
      return "F32";
    case GgmlType::kF16:
      return "F16";
    case GgmlType::kQ4_0:
      return "Q4_0";
    case GgmlType::kQ4_1:
      return "Q4_1";
    case GgmlType::kQ8_0:
      return "Q8_0";
    case GgmlType::kBF16:
      break;
  }
  return "BF16";
}

BlockLayout ggml_block(GgmlType type) noexcept {
  switch (type) {
    case GgmlType::kF32:
      return {1, 4};
    case GgmlType::kF16:
    case GgmlType::kBF16:
      break;
    case GgmlType::kQ4_0:
      return {kBlock, 18};
    case GgmlType::kQ4_1:
      return {kBlock, 20};
    case GgmlType::kQ8_0:
      return {kBlock, 34};
  }
  return {1, 2};
}

void ggml_dequantize(GgmlType type, std::span<const std::byte> blocks, std::span<float> out) {
  const BlockLayout layout = ggml_block(type);
  const auto width = static_cast<std::size_t>(layout.elements);
  if (blocks.size() % layout.bytes != 0 || out.size() % width != 0 ||
      blocks.size() / layout.bytes != out.size() / width) {
    throw_<Error>("{} values of {} must come from {} bytes for each {}, but come from {} bytes.", out.size(),
                  ggml_type_name(type), layout.bytes, width, blocks.size());
  }
  for (std::size_t i = 0; i < out.size() / width; ++i) {
    decode_block(type, blocks.data() + i * layout.bytes, out.data() + i * width);
  }
}

}  // namespace routedk::io
