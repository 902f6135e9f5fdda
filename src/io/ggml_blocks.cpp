#include "routedk/core/error.h"
#include "routedk/io/gguf.h"

#include <algorithm>
#include <array>

#include "ggml_types.h"

namespace routedk::io {
namespace {

constexpr int kBlock = 32;

void decode_f32(const std::byte* block, float* out) {
  *out = load<float>(block);
}
void decode_f16(const std::byte* block, float* out) {
  *out = load_half(block);
}
void decode_bf16(const std::byte* block, float* out) {
  *out = std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(block)) << 16);
}

// 32 codes of 4 bits: the low nibbles are elements 0 to 15, the high ones 16 to 31.
template <typename Decode>
void decode_nibbles(const std::byte* codes, float* out, const Decode& decode) {
  for (int i = 0; i < kBlock / 2; ++i) {
    const auto pair = std::to_integer<int>(codes[i]);
    out[i] = decode(pair & 0xF, i);
    out[i + kBlock / 2] = decode(pair >> 4, i + kBlock / 2);
  }
}

// scale: half; 16 bytes of nibbles.
void decode_q4_0(const std::byte* block, float* out) {
  decode_nibbles(block + 2, out,
                 [scale = load_half(block)](int code, int) { return static_cast<float>(code - 8) * scale; });
}

// scale, minimum: half; 16 bytes of nibbles.
void decode_q4_1(const std::byte* block, float* out) {
  decode_nibbles(block + 4, out, [scale = load_half(block), low = load_half(block + 2)](int code, int) {
    return static_cast<float>(code) * scale + low;
  });
}

// The fifth bit of element i is bit i of a word.
int with_fifth_bit(int code, std::uint32_t word, int i) {
  return code | static_cast<int>(word >> i & 1U) << 4;
}

// scale: half; 32 fifth bits; 16 bytes of nibbles.
void decode_q5_0(const std::byte* block, float* out) {
  const auto fifth = load<std::uint32_t>(block + 2);
  decode_nibbles(block + 6, out, [scale = load_half(block), fifth](int code, int i) {
    return static_cast<float>(with_fifth_bit(code, fifth, i) - 16) * scale;
  });
}

// scale, minimum: half; 32 fifth bits; 16 bytes of nibbles.
void decode_q5_1(const std::byte* block, float* out) {
  const auto fifth = load<std::uint32_t>(block + 4);
  const float low = load_half(block + 2);
  decode_nibbles(block + 8, out, [scale = load_half(block), low, fifth](int code, int i) {
    return static_cast<float>(with_fifth_bit(code, fifth, i)) * scale + low;
  });
}

// scale: half; 32 int8.
void decode_q8_0(const std::byte* block, float* out) {
  const float scale = load_half(block);
  for (int i = 0; i < kBlock; ++i) {
    out[i] = static_cast<float>(load<std::int8_t>(block + 2 + i)) * scale;
  }
}

constexpr std::array<GgmlTypeInfo, 11> kTypes = {
    {{GgmlType::kF32, "F32", {1, 4}, decode_f32},
     {GgmlType::kF16, "F16", {1, 2}, decode_f16},
     {GgmlType::kBF16, "BF16", {1, 2}, decode_bf16},
     {GgmlType::kQ8_0, "Q8_0", {kBlock, 34}, decode_q8_0},
     {GgmlType::kQ4_0, "Q4_0", {kBlock, 18}, decode_q4_0},
     {GgmlType::kQ4_1, "Q4_1", {kBlock, 20}, decode_q4_1},
     {GgmlType::kQ5_0, "Q5_0", {kBlock, 22}, decode_q5_0},
     {GgmlType::kQ5_1, "Q5_1", {kBlock, 24}, decode_q5_1},
     {GgmlType::kQ4_K, "Q4_K", {kSuperBlock, 144}, decode_q4_k},
     {GgmlType::kQ5_K, "Q5_K", {kSuperBlock, 176}, decode_q5_k},
     {GgmlType::kQ6_K, "Q6_K", {kSuperBlock, 210}, decode_q6_k}}};

// Every GgmlType is in the table.
const GgmlTypeInfo& info_of(GgmlType type) noexcept {
  return *std::find_if(kTypes.begin(), kTypes.end() - 1,
                       [&](const GgmlTypeInfo& info) { return info.type == type; });
}

}  // namespace

std::span<const GgmlTypeInfo> ggml_types() noexcept {
  return kTypes;
}

const char* ggml_type_name(GgmlType type) noexcept {
  return info_of(type).name;
}

BlockLayout ggml_block(GgmlType type) noexcept {
  return info_of(type).block;
}

void ggml_dequantize(GgmlType type, std::span<const std::byte> blocks, std::span<float> out) {
  const GgmlTypeInfo& info = info_of(type);
  const auto width = static_cast<std::size_t>(info.block.elements);
  if (blocks.size() % info.block.bytes != 0 || out.size() % width != 0 ||
      blocks.size() / info.block.bytes != out.size() / width) {
    throw_<Error>("{} values of {} must come from {} bytes for each {}, but come from {} bytes.", out.size(),
                  info.name, info.block.bytes, width, blocks.size());
  }
  for (std::size_t i = 0; i < out.size() / width; ++i) {
    info.decode(blocks.data() + i * info.block.bytes, out.data() + i * width);
  }
}

}  // namespace routedk::io
