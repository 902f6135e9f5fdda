// Layouts: ggml's ggml-common.h. Compiled without fused multiply-adds (CMakeLists.txt), which would round
// differently from ggml.
#include "routedk/kernels/cpu/ggml_decode.h"

#include "routedk/kernels/cpu/softmax.h"
#include "routedk/kernels/cpu/vectorised.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace routedk::kernels::cpu {
namespace {

using Codes = std::array<std::int8_t, kGgmlGroup>;

typedef std::int8_t Bytes __attribute__((vector_size(16)));    // NOLINT(modernize-use-using)
typedef std::uint16_t Words __attribute__((vector_size(16)));  // NOLINT(modernize-use-using)

/// Converts a finite half: shifts its bits to their place in a float and multiplies by the difference of the
/// exponent biases, which is exact.
ROUTEDK_INLINE float load_half(const std::uint8_t* at) {
  std::uint16_t half = 0;
  std::memcpy(&half, at, sizeof(half));
  const float magnitude = std::bit_cast<float>((half & 0x7FFFU) << 13) * 0x1p112F;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | (half & 0x8000U) << 16);
}

/// Extracts the bits `mask`, from bit `shift` on, of each of 16 bytes.
ROUTEDK_INLINE Bytes bits_of(const std::uint8_t* bytes, int shift, int mask) {
  Words words;
  std::memcpy(&words, bytes, sizeof(words));
  words = (words >> shift) & static_cast<std::uint16_t>(mask * 0x101);
  Bytes bits;
  std::memcpy(&bits, &words, sizeof(bits));
  return bits;
}

/// Stores half 0 or 1 of a group's codes.
ROUTEDK_INLINE void put_codes(const Bytes& half, std::size_t index, Codes& codes) {
  std::memcpy(codes.data() + 16 * index, &half, sizeof(half));
}

/// 16 bytes: the low nibbles are elements 0 to 15, the high ones 16 to 31.
ROUTEDK_INLINE void split_nibbles(const std::uint8_t* bytes, std::int8_t offset, Codes& codes) {
  put_codes(bits_of(bytes, 0, 15) - offset, 0, codes);
  put_codes(bits_of(bytes, 4, 15) - offset, 1, codes);
}

/// A byte of value 16 for each bit that is set.
ROUTEDK_INLINE std::uint64_t spread_bits(std::uint8_t bits) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  const std::uint64_t own = bits * kOnes & 0x8040201008040201;
  const std::uint64_t top = ((own & 0x7F * kOnes) + 0x7F * kOnes) | own;  // bit 7 of each nonzero byte
  return (top >> 7 & kOnes) << 4;
}

/// The same; bit i of a word is the fifth bit of element i.
ROUTEDK_INLINE void split_five_bits(const std::uint8_t* word, const std::uint8_t* bytes, std::int8_t offset,
                                    Codes& codes) {
  for (std::size_t half = 0; half < 2; ++half) {
    const std::uint64_t spread[] = {spread_bits(word[2 * half]), spread_bits(word[2 * half + 1])};
    Bytes fifth;
    std::memcpy(&fifth, spread, sizeof(fifth));
    put_codes((bits_of(bytes, static_cast<int>(4 * half), 15) | fifth) - offset, half, codes);
  }
}

/// Scale and minimum of part i of a K block: those of the first four parts are the low 6 bits of bytes i and
/// i + 4; the others have their low 4 bits in byte i + 4 and their high 2 in the spare bits of i - 4 and i.
ROUTEDK_INLINE void scale_part(const std::uint8_t* block, std::int64_t i, GgmlGroup& to) {
  const std::uint8_t* const packed = block + 4;
  const int scale = i < 4 ? packed[i] & 63 : (packed[i + 4] & 15) | packed[i - 4] >> 6 << 4;
  const int min = i < 4 ? packed[i + 4] & 63 : packed[i + 4] >> 4 | packed[i] >> 6 << 4;
  to.scale.fill(load_half(block) * static_cast<float>(scale));
  to.min = -(load_half(block + 2) * static_cast<float>(min));
}

/// Two parts share 32 bytes: the even part is the low nibbles, the odd part the high ones.
ROUTEDK_INLINE void part_nibbles(const std::uint8_t* nibbles, std::int64_t i, Codes& codes) {
  const std::uint8_t* const pairs = nibbles + i / 2 * kGgmlGroup;
  for (std::size_t half = 0; half < 2; ++half) {
    put_codes(bits_of(pairs + 16 * half, static_cast<int>(i % 2 * 4), 15), half, codes);
  }
}

/// The same; bit i of a byte is the fifth bit of its element.
ROUTEDK_INLINE void part_five_bits(const std::uint8_t* high, const std::uint8_t* nibbles, std::int64_t i,
                                   Codes& codes) {
  const std::uint8_t* const pairs = nibbles + i / 2 * kGgmlGroup;
  for (std::size_t half = 0; half < 2; ++half) {
    const Bytes fifth = bits_of(high + 16 * half, static_cast<int>(i), 1) * 16;
    put_codes(bits_of(pairs + 16 * half, static_cast<int>(i % 2 * 4), 15) | fifth, half, codes);
  }
}

/// Part i of a Q6_K block. Each half of 128 elements has 64 bytes of low nibbles; then, for each half, 32
/// bytes of high bit pairs; then 16 int8 scales of 16 elements each, and the scale of the block.
ROUTEDK_INLINE void six_bits(const std::uint8_t* block, std::int64_t i, GgmlGroup& to) {
  const std::int64_t quarter = i % 4;  // within half i / 4
  const std::uint8_t* const low = block + i / 4 * 64 + quarter % 2 * kGgmlGroup;
  const std::uint8_t* const high = block + 128 + i / 4 * kGgmlGroup;
  for (std::size_t half = 0; half < 2; ++half) {
    const Bytes upper = bits_of(high + 16 * half, static_cast<int>(2 * quarter), 3) * 16;
    const Bytes lower = bits_of(low + 16 * half, quarter < 2 ? 0 : 4, 15);
    put_codes((lower | upper) - std::int8_t{32}, half, to.codes);
    const auto scale = static_cast<std::int8_t>(block[192 + 2 * static_cast<std::size_t>(i) + half]);
    to.scale[half] = load_half(block + 208) * static_cast<float>(scale);
  }
}

/// Decodes part i of a block.
template <GgmlType kType>
ROUTEDK_INLINE void unpack(const std::uint8_t* block, std::int64_t i, GgmlGroup& to) {
  to.min = 0.0F;
  if constexpr (kType == GgmlType::kQ4_K) {
    scale_part(block, i, to);
    part_nibbles(block + 16, i, to.codes);
  } else if constexpr (kType == GgmlType::kQ5_K) {
    scale_part(block, i, to);
    part_five_bits(block + 16, block + 48, i, to.codes);
  } else if constexpr (kType == GgmlType::kQ6_K) {
    six_bits(block, i, to);
  } else {
    to.scale.fill(load_half(block));
    if constexpr (layout_of(kType).scales == 2) {
      to.min = load_half(block + 2);
    }
    if constexpr (kType == GgmlType::kQ4_0) {
      split_nibbles(block + 2, 8, to.codes);
    } else if constexpr (kType == GgmlType::kQ4_1) {
      split_nibbles(block + 4, 0, to.codes);
    } else if constexpr (kType == GgmlType::kQ5_0) {
      split_five_bits(block + 2, block + 6, 16, to.codes);
    } else if constexpr (kType == GgmlType::kQ5_1) {
      split_five_bits(block + 4, block + 8, 0, to.codes);
    } else {
      std::memcpy(to.codes.data(), block + 2, kGgmlGroup);
    }
  }
}

template <GgmlType kType>
ROUTEDK_INLINE void unpack_group(const std::uint8_t* blocks, std::int64_t index, GgmlGroup& to) {
  constexpr GgmlLayout kLayout = layout_of(kType);
  constexpr std::int64_t kParts = kLayout.elements / kGgmlGroup;
  unpack<kType>(blocks + index / kParts * kLayout.bytes, index % kParts, to);
}

ROUTEDK_INLINE void to_float(const GgmlGroup& group, float* to) {
  for (std::size_t half = 0; half < 2; ++half) {
    Bytes codes;
    std::memcpy(&codes, group.codes.data() + 16 * half, sizeof(codes));
    asm("" : "+x"(codes));  // opaque: the compiler would convert what they came from byte by byte
    const auto whole = __builtin_convertvector(codes, IntLanes);
    const FloatLanes values = __builtin_convertvector(whole, FloatLanes) * group.scale[half] + group.min;
    std::memcpy(to + 16 * half, &values, sizeof(values));
  }
}

/// `count` elements of one group, after `skipped` of them.
template <GgmlType kType>
ROUTEDK_INLINE void decode_part(const std::uint8_t* blocks, std::int64_t index, std::int64_t skipped,
                                std::int64_t count, float* to) {
  GgmlGroup group;
  std::array<float, kGgmlGroup> values;
  unpack_group<kType>(blocks, index, group);
  to_float(group, values.data());
  std::copy_n(values.data() + skipped, count, to);
}

template <GgmlType kType>
ROUTEDK_INLINE void decode_range(const std::uint8_t* blocks, std::int64_t first, std::int64_t count,
                                 float* to) {
  std::int64_t index = first / kGgmlGroup;
  if (const std::int64_t skipped = first % kGgmlGroup; skipped > 0) {
    const std::int64_t part = std::min(kGgmlGroup - skipped, count);
    decode_part<kType>(blocks, index++, skipped, part, to);
    to += part;
    count -= part;
  }
  for (; count >= kGgmlGroup; ++index, to += kGgmlGroup, count -= kGgmlGroup) {
    GgmlGroup group;
    unpack_group<kType>(blocks, index, group);
    to_float(group, to);
  }
  if (count > 0) {
    decode_part<kType>(blocks, index, 0, count, to);
  }
}

/// Calls with<type>() for a type known at run time.
template <typename With>
ROUTEDK_INLINE void with_type(GgmlType type, const With& with) {
  switch (type) {
    case GgmlType::kQ4_0:
      return with.template operator()<GgmlType::kQ4_0>();
    case GgmlType::kQ4_1:
      return with.template operator()<GgmlType::kQ4_1>();
    case GgmlType::kQ5_0:
      return with.template operator()<GgmlType::kQ5_0>();
    case GgmlType::kQ5_1:
      return with.template operator()<GgmlType::kQ5_1>();
    case GgmlType::kQ8_0:
      return with.template operator()<GgmlType::kQ8_0>();
    case GgmlType::kQ4_K:
      return with.template operator()<GgmlType::kQ4_K>();
    case GgmlType::kQ5_K:
      return with.template operator()<GgmlType::kQ5_K>();
    case GgmlType::kQ6_K:
      return with.template operator()<GgmlType::kQ6_K>();
  }
}

}  // namespace

GgmlGroup ggml_group(GgmlType type, const std::uint8_t* blocks, std::int64_t index) {
  GgmlGroup group{};
  with_type(type, [&]<GgmlType kType>() { unpack_group<kType>(blocks, index, group); });
  return group;
}

ROUTEDK_CLONES void ggml_range_to_float(GgmlType type, const std::uint8_t* blocks, std::int64_t first,
                                        std::span<float> to) {
  with_type(
      type, [&]<GgmlType kType>() __attribute__((always_inline)) {
        decode_range<kType>(blocks, first, std::ssize(to), to.data());
      });
}

}  // namespace routedk::kernels::cpu
