/// The kernel with AVX2, half a panel at a time.
#include "int8_tile.h"
#include "intrinsics.h"

namespace routedk::kernels::cpu {
namespace {

#define ROUTEDK_AVX2 __attribute__((target("avx2,fma")))

/// Adds 4 products to each of 8 rows' sums. Signs are moved to the codes, so that pairs of products stay
/// below 2^15.
ROUTEDK_AVX2 inline __m256i avx2_dot(__m256i sum, __m256i weights, __m256i codes) {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(codes, weights));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/// 8 of a block's 16 scales or minima. Halves are shifted to their place in a float and multiplied by the
/// difference of the exponent biases, which is exact.
ROUTEDK_AVX2 inline __m256 avx2_numbers(const std::uint8_t* at, bool is_half, int half) {
  if (!is_half) {
    return _mm256_loadu_ps(reinterpret_cast<const float*>(at) + half * 8);
  }
  const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + half));
  const __m256i sign = _mm256_slli_epi32(_mm256_and_si256(bits, _mm256_set1_epi32(0x8000)), 16);
  const __m256i rest = _mm256_slli_epi32(_mm256_and_si256(bits, _mm256_set1_epi32(0x7FFF)), 13);
  const __m256 magnitude = _mm256_mul_ps(_mm256_castsi256_ps(rest), _mm256_set1_ps(0x1p112F));
  return _mm256_or_ps(magnitude, _mm256_castsi256_ps(sign));
}

/// Weights are stored with 128 added.
ROUTEDK_AVX2 inline __m256i avx2_signed(__m256i weights) {
  return _mm256_xor_si256(weights, _mm256_set1_epi8(-128));
}

/// Adds the products of four columns for each row.
template <int kRows>
ROUTEDK_AVX2 inline __attribute__((always_inline)) void avx2_step(__m256i (&sum)[kRows], __m256i weights,
                                                                  const std::int8_t* codes,
                                                                  std::int64_t stride) {
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    sum[r] = avx2_dot(sum[r], weights, _mm256_set1_epi32(four_codes(codes + r * stride)));
  }
}

/// Adds the scaled sums of block b, and its minima. tail: its 16 scales.
template <int kRows>
ROUTEDK_AVX2 inline __attribute__((always_inline)) void avx2_finish(__m256 (&total)[kRows],
                                                                    const __m256i (&sum)[kRows],
                                                                    const TermRows& rows, std::int64_t b,
                                                                    const std::uint8_t* tail,
                                                                    const Int8Term& term, int half) {
  const __m256 weight_scale = avx2_numbers(tail, term.half, half);
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    const __m256 scale = _mm256_mul_ps(weight_scale, _mm256_set1_ps(rows.scales[r * rows.stride + b]));
    total[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[r]), scale, total[r]);
  }
  if (term.minima) {
    const __m256 min = avx2_numbers(tail + term.scale_bytes(), term.half, half);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      total[r] = _mm256_fmadd_ps(min, _mm256_set1_ps(rows.sums[r * rows.stride + b]), total[r]);
    }
  }
}

/// Adds the values of one half of a panel.
template <int kRows>
ROUTEDK_AVX2 inline __attribute__((always_inline)) void avx2_eight(__m256 (&total)[kRows],
                                                                   const Int8Term& term, const Place& place,
                                                                   int half) {
  const TermRows rows(term, place.row);
  const std::uint8_t* at = place.of(term) + half * (kLine / 2);
  for (std::int64_t b = 0; b < term.blocks; ++b) {
    __m256i sum[kRows] = {};
    const std::int8_t* codes = rows.codes + b * term.block;
    const std::int64_t last = term.last(b);
    for (std::int64_t column = term.first(b); column < last; column += 4) {
      const __m256i weights = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + column * 16));
      avx2_step(sum, avx2_signed(weights), codes + column, rows.codes_stride);
    }
    at += term.code_bytes();
    avx2_finish(total, sum, rows, b, at - half * (kLine / 2), term, half);
    at += term.tail_bytes();
  }
}

/// The same for 4-bit codes.
template <int kRows>
ROUTEDK_AVX2 inline __attribute__((always_inline)) void avx2_four(__m256 (&total)[kRows],
                                                                  const Int8Term& term, const Place& place,
                                                                  int half) {
  const __m256i values =
      avx2_signed(_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(term.table))));
  const __m256i nibble = _mm256_set1_epi8(15);
  const TermRows rows(term, place.row);
  const std::uint8_t* at = place.of(term) + half * (kLine / 2);
  for (std::int64_t b = 0; b < term.blocks; ++b) {
    __m256i sum[kRows] = {};
    const std::int8_t* codes = rows.codes + b * term.block;
    for (const std::int8_t* const end = codes + term.block; codes < end; codes += 8, at += kLine) {
      const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
      const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
      avx2_step(sum, _mm256_shuffle_epi8(values, _mm256_and_si256(both, nibble)), codes, rows.codes_stride);
      avx2_step(sum, _mm256_shuffle_epi8(values, high), codes + 4, rows.codes_stride);
    }
    avx2_finish(total, sum, rows, b, at - half * (kLine / 2), term, half);
    at += term.tail_bytes();
  }
}

struct Avx2Run {
  template <int kRows>
  ROUTEDK_AVX2 static void run(std::span<const Int8Term> terms, const Place& place, const Int8Sums& sums) {
    for (int half = 0; half < 2; ++half) {
      __m256 total[kRows];
      float* const to = place.of(sums) + half * 8;
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        total[r] = sums.add ? _mm256_loadu_ps(to + r * sums.stride) : _mm256_setzero_ps();
      }
      for (const Int8Term& term : terms) {
        if (term.table != nullptr) {
          avx2_four(total, term, place, half);
        } else {
          avx2_eight(total, term, place, half);
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        _mm256_storeu_ps(to + r * sums.stride, total[r]);
      }
    }
  }
};

ROUTEDK_AVX2 void avx2_multiply(std::span<const Int8Term> terms, std::int64_t rows, std::int64_t panels,
                                const Int8Sums& sums) {
  constexpr std::int64_t kRows = 4;  // 16 registers: sums and totals of the rows, weights, signs
  for (std::int64_t panel = 0; panel < panels; ++panel) {
    by_rows<Avx2Run, kRows>(terms, rows, panel, sums);
  }
}

ROUTEDK_AVX2 void avx2_widen(const Int8Term& narrow, std::uint8_t* wide) {
  const __m256i values =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(narrow.table)));
  const __m256i nibble = _mm256_set1_epi8(15);
  const std::uint8_t* panel = narrow.panel;
  for (std::int64_t b = 0; b < narrow.blocks; ++b) {
    for (const std::uint8_t* const end = panel + narrow.code_bytes(); panel < end; panel += kLine) {
      for (int half = 0; half < 2; ++half) {
        const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(panel + half * (kLine / 2)));
        const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(wide + half * (kLine / 2)),
                            _mm256_shuffle_epi8(values, _mm256_and_si256(both, nibble)));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(wide + kLine + half * (kLine / 2)),
                            _mm256_shuffle_epi8(values, high));
      }
      wide += 2 * kLine;
    }
    copy_tail(narrow, panel, wide);
  }
}

}  // namespace

const Int8Kernel kInt8Avx2 = {avx2_multiply, avx2_widen, true, "avx2"};

}  // namespace routedk::kernels::cpu
