// Layouts: ggml's ggml-common.h, block_q4_K, block_q5_K, block_q6_K.
#include "ggml_types.h"

namespace routedk::io {
namespace {

constexpr int kSubBlocks = 8;    // of 32 elements
constexpr int kSubBlock = 32;    // elements
constexpr int kScaleBytes = 12;  // 8 scales and 8 minima of 6 bits

struct ScaleAndMin {
  float scale;
  float min;
};

// The 6-bit pairs: of the first four, scale and minimum fill the low 6 bits of bytes i and i + 4; the others
// have their low 4 bits in byte i + 4 and their high 2 in the spare bits of bytes i - 4 and i.
ScaleAndMin sub_block_scale(const std::byte* block, int i) {
  const float scale = load_half(block);
  const float min = load_half(block + 2);
  const auto packed = [&](int at) { return std::to_integer<unsigned>(block[4 + at]); };
  const unsigned scale_code = i < 4 ? packed(i) & 63U : (packed(i + 4) & 15U) | (packed(i - 4) >> 6 << 4);
  const unsigned min_code = i < 4 ? packed(i + 4) & 63U : packed(i + 4) >> 4 | (packed(i) >> 6 << 4);
  return {scale * static_cast<float>(scale_code), min * static_cast<float>(min_code)};
}

// Two sub-blocks share 32 bytes: the even one has the low nibbles, the odd one the high ones. `fifth` gives
// the bit above a nibble: (sub-block, element) -> 0 or 16.
template <typename FifthBit>
void decode_sub_blocks(const std::byte* block, const std::byte* nibbles, float* out, const FifthBit& fifth) {
  for (int sub = 0; sub < kSubBlocks; ++sub) {
    const auto [scale, min] = sub_block_scale(block, sub);
    const std::byte* const pairs = nibbles + sub / 2 * kSubBlock;
    for (int i = 0; i < kSubBlock; ++i) {
      const auto pair = std::to_integer<unsigned>(pairs[i]);
      const unsigned code = (sub % 2 == 0 ? pair & 15U : pair >> 4) | fifth(sub, i);
      out[sub * kSubBlock + i] = scale * static_cast<float>(code) - min;
    }
  }
}

}  // namespace

// scale, min: half; 12 bytes of 6-bit scales; 128 bytes of nibbles.
void decode_q4_k(const std::byte* block, float* out) {
  decode_sub_blocks(block, block + 4 + kScaleBytes, out, [](int, int) { return 0U; });
}

// As Q4_K with 32 bytes before the nibbles: bit s of byte i is the fifth bit of element i of sub-block s.
void decode_q5_k(const std::byte* block, float* out) {
  const std::byte* const high = block + 4 + kScaleBytes;
  decode_sub_blocks(block, high + kSubBlock, out,
                    [high](int sub, int i) { return (std::to_integer<unsigned>(high[i]) >> sub & 1U) << 4; });
}

// Two halves of 128 elements, each 64 bytes of low nibbles and 32 of high bit pairs; 16 int8 scales of 16
// elements; the scale of all, half.
void decode_q6_k(const std::byte* block, float* out) {
  const float scale = load_half(block + 208);
  for (int i = 0; i < kSuperBlock; ++i) {
    const int half = i / 128;
    const int quarter = i / 32 % 4;  // of the half
    const int place = i % 32;
    const auto low = std::to_integer<unsigned>(block[half * 64 + quarter % 2 * 32 + place]);
    const auto high = std::to_integer<unsigned>(block[128 + half * 32 + place]);
    const unsigned code = (quarter < 2 ? low & 15U : low >> 4) | (high >> (2 * quarter) & 3U) << 4;
    const auto sub_scale = static_cast<float>(load<std::int8_t>(block + 192 + i / 16));
    out[i] = scale * sub_scale * static_cast<float>(static_cast<int>(code) - 32);
  }
}

}  // namespace routedk::io
