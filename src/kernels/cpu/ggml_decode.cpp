// Layouts: ggml's ggml-common.h. Compiled without fused multiply-adds (CMakeLists.txt), which would round
// otherwise than ggml does.
#include "routedk/kernels/cpu/ggml_decode.h"

#include "routedk/kernels/cpu/vectorised.h"

#include <algorithm>
#include <cstring>

#include <c10/util/Half.h>

namespace routedk::kernels::cpu {
namespace {

using Codes = std::array<std::int8_t, kGgmlGroup>;

ROUTEDK_INLINE float load_half(const std::uint8_t* at) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, at, sizeof(bits));
  return c10::detail::fp16_ieee_to_fp32_value(bits);
}

/// 16 bytes: the low nibbles are elements 0 to 15, the high ones 16 to 31.
ROUTEDK_INLINE void split_nibbles(const std::uint8_t* bytes, int offset, Codes& codes) {
  for (std::size_t i = 0; i < 16; ++i) {
    codes[i] = static_cast<std::int8_t>((bytes[i] & 15) - offset);
    codes[i + 16] = static_cast<std::int8_t>((bytes[i] >> 4) - offset);
  }
}

/// The same with bit i of a word as element i's fifth.
ROUTEDK_INLINE void split_five_bits(const std::uint8_t* word, const std::uint8_t* bytes, int offset,
                                    Codes& codes) {
  std::uint32_t fifth = 0;
  std::memcpy(&fifth, word, sizeof(fifth));
  for (std::size_t i = 0; i < 16; ++i) {
    const auto low = static_cast<int>(fifth >> i << 4 & 16U);
    const auto high = static_cast<int>(fifth >> (i + 16) << 4 & 16U);
    codes[i] = static_cast<std::int8_t>(((bytes[i] & 15) | low) - offset);
    codes[i + 16] = static_cast<std::int8_t>(((bytes[i] >> 4) | high) - offset);
  }
}

/// Scale and minimum of a K block's part: of the first four parts they fill the low 6 bits of bytes i and
/// i + 4; the others have their low 4 bits in byte i + 4 and their high 2 in the spare bits of i - 4 and i.
ROUTEDK_INLINE void scale_part(const std::uint8_t* block, std::int64_t i, GgmlGroup& to) {
  const std::uint8_t* const packed = block + 4;
  const int scale = i < 4 ? packed[i] & 63 : (packed[i + 4] & 15) | packed[i - 4] >> 6 << 4;
  const int min = i < 4 ? packed[i + 4] & 63 : packed[i + 4] >> 4 | packed[i] >> 6 << 4;
  to.scale.fill(load_half(block) * static_cast<float>(scale));
  to.min = -(load_half(block + 2) * static_cast<float>(min));
}

/// Two parts share 32 bytes: the even one has the low nibbles, the odd one the high ones.
ROUTEDK_INLINE void part_nibbles(const std::uint8_t* nibbles, std::int64_t i, Codes& codes) {
  const std::uint8_t* const pairs = nibbles + i / 2 * kGgmlGroup;
  const auto shift = static_cast<int>(i % 2 * 4);
  for (std::size_t k = 0; k < kGgmlGroup; ++k) {
    codes[k] = static_cast<std::int8_t>(pairs[k] >> shift & 15);
  }
}

/// Part i of a Q6_K block: of each half of 128 elements 64 bytes of low nibbles, then 32 of high bit pairs of
/// each half, 16 int8 scales of 16 elements, and the scale of all.
ROUTEDK_INLINE void six_bits(const std::uint8_t* block, std::int64_t i, GgmlGroup& to) {
  const std::int64_t half = i / 4;
  const std::int64_t quarter = i % 4;
  const std::uint8_t* const low = block + half * 64 + quarter % 2 * kGgmlGroup;
  const std::uint8_t* const high = block + 128 + half * kGgmlGroup;
  const int low_shift = quarter < 2 ? 0 : 4;
  const auto high_shift = static_cast<int>(2 * quarter);
  for (std::size_t k = 0; k < kGgmlGroup; ++k) {
    to.codes[k] =
        static_cast<std::int8_t>(((low[k] >> low_shift & 15) | (high[k] >> high_shift & 3) << 4) - 32);
  }
  for (std::size_t part = 0; part < 2; ++part) {
    const auto scale = static_cast<std::int8_t>(block[192 + 2 * static_cast<std::size_t>(i) + part]);
    to.scale[part] = load_half(block + 208) * static_cast<float>(scale);
  }
}

/// Part i of a block.
template <GgmlType kType>
ROUTEDK_INLINE void unpack(const std::uint8_t* block, std::int64_t i, GgmlGroup& to) {
  to.min = 0.0F;
  if constexpr (kType == GgmlType::kQ4_K) {
    scale_part(block, i, to);
    part_nibbles(block + 16, i, to.codes);
  } else if constexpr (kType == GgmlType::kQ5_K) {
    scale_part(block, i, to);
    part_nibbles(block + 48, i, to.codes);
    for (std::size_t k = 0; k < kGgmlGroup; ++k) {  // bit i of byte k is element k's fifth
      to.codes[k] = static_cast<std::int8_t>(to.codes[k] | (block[16 + k] >> i & 1) << 4);
    }
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
  for (std::size_t i = 0; i < kGgmlGroup; ++i) {
    to[i] = static_cast<float>(group.codes[i]) * group.scale[i / 16] + group.min;
  }
}

template <GgmlType kType>
ROUTEDK_INLINE void decode_range(const std::uint8_t* blocks, std::int64_t first, std::int64_t last,
                                 float* to) {
  GgmlGroup group;
  while (first < last) {
    unpack_group<kType>(blocks, first / kGgmlGroup, group);
    const std::int64_t skipped = first % kGgmlGroup;
    const std::int64_t count = std::min(kGgmlGroup - skipped, last - first);
    if (count == kGgmlGroup) {
      to_float(group, to);
    } else {
      std::array<float, kGgmlGroup> values;
      to_float(group, values.data());
      std::copy_n(values.data() + skipped, count, to);
    }
    first += count;
    to += count;
  }
}

/// Calls with<type>() for a type known only here.
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
  const std::int64_t last = first + static_cast<std::int64_t>(to.size());
  with_type(
      type, [&]<GgmlType kType>()
                __attribute__((always_inline)) { decode_range<kType>(blocks, first, last, to.data()); });
}

}  // namespace routedk::kernels::cpu
