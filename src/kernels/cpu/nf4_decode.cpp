#include "routedk/kernels/cpu/nf4_decode.h"

#include "routedk/kernels/cpu/capability.h"
#include "routedk/kernels/cpu/nf4_codec.h"

#include <algorithm>

#include "intrinsics.h"
#include <ATen/Parallel.h>

namespace routedk::kernels::cpu {
namespace {

#define ROUTEDK_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))

#define ROUTEDK_AVX2 __attribute__((target("avx2")))

/// Elements first .. last of one block.
template <typename T>
void decode_scalar(const float* codebook, const std::uint8_t* packed, float absmax, std::int64_t first,
                   std::int64_t last, T* out) {
  for (std::int64_t i = first; i < last; ++i) {
    const unsigned byte = packed[i / 2];
    *out++ = static_cast<T>(codebook[i % 2 == 0 ? byte >> 4 : byte & 15U] * absmax);
  }
}

/// 8 bytes -> 16 codes in order, one per byte.
__attribute__((always_inline)) inline __m128i split_nibbles(const std::uint8_t* packed) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(packed));
  const __m128i nibble = _mm_set1_epi8(15);
  const __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), nibble);
  const __m128i low = _mm_and_si128(bytes, nibble);
  return _mm_unpacklo_epi8(high, low);
}

ROUTEDK_AVX2 void store8(float* out, __m256 values) {
  _mm256_storeu_ps(out, values);
}

/// Rounds to nearest even in integers; NF4 values are finite.
ROUTEDK_AVX2 void store8(c10::BFloat16* out, __m256 values) {
  const __m256i bits = _mm256_castps_si256(values);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded =
      _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(bits, odd), _mm256_set1_epi32(0x7FFF)), 16);
  const __m128i packed =
      _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), packed);
}

/// One whole block of 64. Two registers hold the 16-entry codebook; a code's highest bit selects one.
template <typename T>
ROUTEDK_AVX2 void decode_avx2(const float* codebook, const std::uint8_t* packed, float absmax, T* out) {
  const __m256 lower = _mm256_loadu_ps(codebook);
  const __m256 upper = _mm256_loadu_ps(codebook + 8);
  const __m256 scale = _mm256_set1_ps(absmax);
  for (int part = 0; part < 4; ++part) {
    const __m128i codes = split_nibbles(packed + part * 8);
    const __m256i indices[2] = {_mm256_cvtepu8_epi32(codes), _mm256_cvtepu8_epi32(_mm_srli_si128(codes, 8))};
    for (int half = 0; half < 2; ++half) {
      const __m256i index = indices[half];
      const __m256 is_upper = _mm256_castsi256_ps(_mm256_slli_epi32(index, 28));
      const __m256 values = _mm256_blendv_ps(_mm256_permutevar8x32_ps(lower, index),
                                             _mm256_permutevar8x32_ps(upper, index), is_upper);
      store8(out + part * 16 + half * 8, _mm256_mul_ps(values, scale));
    }
  }
}

/// 8 bytes -> 16 codes in order, one per 32-bit lane.
ROUTEDK_AVX512 __m512i unpack_codes(const std::uint8_t* packed) {
  return _mm512_cvtepu8_epi32(split_nibbles(packed));
}

ROUTEDK_AVX512 void store16(float* out, __m512 values) {
  _mm512_storeu_ps(out, values);
}

/// Rounds to nearest even in integers; NF4 values are finite.
ROUTEDK_AVX512 void store16(c10::BFloat16* out, __m512 values) {
  const __m512i bits = _mm512_castps_si512(values);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, odd), _mm512_set1_epi32(0x7FFF));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
}

/// One whole block of 64.
template <typename T>
ROUTEDK_AVX512 void decode_avx512(const float* codebook, const std::uint8_t* packed, float absmax, T* out) {
  const __m512 values_of_codes = _mm512_loadu_ps(codebook);
  const __m512 scale = _mm512_set1_ps(absmax);
  for (int part = 0; part < 4; ++part) {
    const __m512 values = _mm512_permutexvar_ps(unpack_codes(packed + part * 8), values_of_codes);
    store16(out + part * 16, _mm512_mul_ps(values, scale));
  }
}

template <typename T>
void decode_block(Isa isa, const float* codebook, const std::uint8_t* packed, float absmax, T* out) {
  switch (isa) {
    case Isa::kAvx512:
      return decode_avx512(codebook, packed, absmax, out);
    case Isa::kAvx2:
      return decode_avx2(codebook, packed, absmax, out);
    case Isa::kScalar:
      return decode_scalar(codebook, packed, absmax, 0, kNf4Block, out);
  }
}

/// Elements first .. last of the tensor, block by block; out points at element `first`.
template <typename T>
void decode_range(Isa isa, const float* codebook, const std::uint8_t* packed, const Absmax& absmax,
                  std::int64_t first, std::int64_t last, T* out) {
  for (std::int64_t i = first; i < last;) {
    const std::int64_t block = i / kNf4Block;
    const std::int64_t end = std::min((block + 1) * kNf4Block, last);
    if (end - i == kNf4Block) {
      decode_block(isa, codebook, packed + i / 2, absmax.at(block), out);
    } else {
      decode_scalar(codebook, packed, absmax.at(block), i, end, out);
    }
    out += end - i;
    i = end;
  }
}

template <typename T>
void decode(const float* codebook, const std::uint8_t* packed, const Absmax& absmax, std::span<T> out) {
  const auto count = static_cast<std::int64_t>(out.size());
  const Isa isa = cpu_isa();
  at::parallel_for(0, nf4_blocks(count), 512, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t first = begin * kNf4Block;
    decode_range(isa, codebook, packed, absmax, first, std::min(end * kNf4Block, count), out.data() + first);
  });
}

}  // namespace

float Absmax::at(std::int64_t block) const noexcept {
  if (plain != nullptr) {
    return plain[block];
  }
  static const float* const standard = dynamic_map().data();
  const float* const map = nested_codebook != nullptr ? nested_codebook : standard;
  return map[nested_codes[block]] * nested_absmax[block / kNestedBlock] + nested_offset;
}

void nf4_to_float(const std::uint8_t* packed, const Absmax& absmax, std::span<float> out,
                  const float* codebook) {
  decode(codebook, packed, absmax, out);
}

void nf4_to_bfloat16(const std::uint8_t* packed, const Absmax& absmax, std::span<c10::BFloat16> out,
                     const float* codebook) {
  decode(codebook, packed, absmax, out);
}

void nf4_range_to_float(const std::uint8_t* packed, const Absmax& absmax, std::int64_t first,
                        std::span<float> out, const float* codebook) {
  decode_range(cpu_isa(), codebook, packed, absmax, first, first + static_cast<std::int64_t>(out.size()),
               out.data());
}

}  // namespace routedk::kernels::cpu
