// Layouts: ggml's ggml-common.h. Products and sums are rounded separately, as in ggml.
#include "launch.h"
#include "launchers.h"

namespace routedk::kernels::cuda {
namespace {

/// Converts a finite half: shifts its bits to their place in a float and multiplies by the difference of the
/// exponent biases, which is exact.
ROUTEDK_DEVICE float load_half(const std::uint8_t* at) {
  const std::uint32_t half = at[0] | static_cast<std::uint32_t>(at[1]) << 8U;
  const float magnitude = float_of_bits((half & 0x7FFFU) << 13U) * 0x1p112F;
  return float_of_bits(bits_of_float(magnitude) | (half & 0x8000U) << 16U);
}

/// Element i of 16 bytes: the low nibbles are elements 0 to 15, the high ones 16 to 31.
ROUTEDK_DEVICE int nibble(const std::uint8_t* bytes, int i) {
  return i < 16 ? bytes[i] & 15 : bytes[i - 16] >> 4;
}
/// Bit i of a word, as the fifth bit of a code.
ROUTEDK_DEVICE int fifth(const std::uint8_t* word, int i) {
  return (word[i / 8] >> (i % 8) & 1) << 4;
}

ROUTEDK_DEVICE float scaled(int code, float scale) {
  return __fmul_rn(static_cast<float>(code), scale);
}

/// Applies the scale and minimum of an element's part of a K block: those of the first four parts are the low
/// 6 bits of bytes i and i + 4; the others have their low 4 bits in byte i + 4 and their high 2 in the spare
/// bits of i - 4 and i.
ROUTEDK_DEVICE float in_k_part(const std::uint8_t* block, int part, int code) {
  const std::uint8_t* const packed = block + 4;
  const int scale = part < 4 ? packed[part] & 63 : (packed[part + 4] & 15) | packed[part - 4] >> 6 << 4;
  const int min = part < 4 ? packed[part + 4] & 63 : packed[part + 4] >> 4 | packed[part] >> 6 << 4;
  return __fadd_rn(scaled(code, scaled(scale, load_half(block))), -scaled(min, load_half(block + 2)));
}
/// Two parts share 32 bytes: the even part is the low nibbles, the odd part the high ones.
ROUTEDK_DEVICE int part_nibble(const std::uint8_t* nibbles, int part, int i) {
  return nibbles[part / 2 * 32 + i] >> part % 2 * 4 & 15;
}

/// Each half of 128 elements has 64 bytes of low nibbles; then, for each half, 32 bytes of high bit pairs;
/// then 16 int8 scales of 16 elements each, and the scale of the block.
ROUTEDK_DEVICE float six_bits(const std::uint8_t* block, int element) {
  const int half = element / 128;
  const int quarter = element % 128 / 32;
  const int i = element % 32;
  const int low = block[half * 64 + quarter % 2 * 32 + i] >> (quarter < 2 ? 0 : 4) & 15;
  const int high = block[128 + half * 32 + i] >> 2 * quarter & 3;
  const int scale = static_cast<std::int8_t>(block[192 + element / 16]);
  return scaled((low | high << 4) - 32, scaled(scale, load_half(block + 208)));
}

template <GgmlType kType>
ROUTEDK_DEVICE float decoded(const std::uint8_t* block, int i) {
  if constexpr (kType == GgmlType::kQ4_0) {
    return scaled(nibble(block + 2, i) - 8, load_half(block));
  } else if constexpr (kType == GgmlType::kQ4_1) {
    return __fadd_rn(scaled(nibble(block + 4, i), load_half(block)), load_half(block + 2));
  } else if constexpr (kType == GgmlType::kQ5_0) {
    return scaled((nibble(block + 6, i) | fifth(block + 2, i)) - 16, load_half(block));
  } else if constexpr (kType == GgmlType::kQ5_1) {
    return __fadd_rn(scaled(nibble(block + 8, i) | fifth(block + 4, i), load_half(block)),
                     load_half(block + 2));
  } else if constexpr (kType == GgmlType::kQ8_0) {
    return scaled(static_cast<std::int8_t>(block[2 + i]), load_half(block));
  } else if constexpr (kType == GgmlType::kQ4_K) {
    return in_k_part(block, i / 32, part_nibble(block + 16, i / 32, i % 32));
  } else if constexpr (kType == GgmlType::kQ5_K) {
    const int high = (block[16 + i % 32] >> (i / 32) & 1) << 4;
    return in_k_part(block, i / 32, part_nibble(block + 48, i / 32, i % 32) | high);
  } else {
    return six_bits(block, i);
  }
}

/// One thread per two adjacent elements of a row.
template <GgmlType kType, typename T>
__global__ void decode_pairs(const std::uint8_t* blocks, const std::int64_t* rows, std::int64_t count,
                             std::int64_t width, T* to) {
  constexpr GgmlLayout kLayout = layout_of(kType);
  const std::int64_t pairs = width / 2;
  const std::int64_t row_bytes = width / kLayout.elements * kLayout.bytes;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t n = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; n < count * pairs;
       n += step) {
    const std::int64_t row = rows == nullptr ? n / pairs : rows[n / pairs];
    const std::int64_t column = n % pairs * 2;
    const std::uint8_t* const block = blocks + row * row_bytes + column / kLayout.elements * kLayout.bytes;
    const int i = static_cast<int>(column % kLayout.elements);
    to[2 * n] = rounded<T>(decoded<kType>(block, i));
    to[2 * n + 1] = rounded<T>(decoded<kType>(block, i + 1));
  }
}

template <typename T>
auto kernel_for(GgmlType type) {
  switch (type) {
    case GgmlType::kQ4_0:
      return decode_pairs<GgmlType::kQ4_0, T>;
    case GgmlType::kQ4_1:
      return decode_pairs<GgmlType::kQ4_1, T>;
    case GgmlType::kQ5_0:
      return decode_pairs<GgmlType::kQ5_0, T>;
    case GgmlType::kQ5_1:
      return decode_pairs<GgmlType::kQ5_1, T>;
    case GgmlType::kQ8_0:
      return decode_pairs<GgmlType::kQ8_0, T>;
    case GgmlType::kQ4_K:
      return decode_pairs<GgmlType::kQ4_K, T>;
    case GgmlType::kQ5_K:
      return decode_pairs<GgmlType::kQ5_K, T>;
    case GgmlType::kQ6_K:
      break;
  }
  return decode_pairs<GgmlType::kQ6_K, T>;
}

}  // namespace

template <typename T>
void launch_ggml_rows(GgmlType type, const std::uint8_t* blocks, const std::int64_t* rows, std::int64_t count,
                      std::int64_t width, T* to, Stream stream) {
  launch("ggml_dequantize", kernel_for<T>(type), grid_for(count * width / 2), stream, blocks, rows, count,
         width, to);
}
template void launch_ggml_rows(GgmlType, const std::uint8_t*, const std::int64_t*, std::int64_t, std::int64_t,
                               float*, Stream);
template void launch_ggml_rows(GgmlType, const std::uint8_t*, const std::int64_t*, std::int64_t, std::int64_t,
                               BFloat16*, Stream);

}  // namespace routedk::kernels::cuda
