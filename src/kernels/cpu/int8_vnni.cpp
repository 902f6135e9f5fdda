/// The kernel with AVX-512 VNNI, which multiplies and accumulates four pairs of bytes per lane.
#include "int8_tile.h"
#include "intrinsics.h"

namespace routedk::kernels::cpu {
namespace {

#define ROUTEDK_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define ROUTEDK_VNNI_INLINE ROUTEDK_VNNI inline __attribute__((always_inline))

/// Products of few rows are bound by memory: this prefetches what is needed some hundred nanoseconds later,
/// often from the next panel. A prefetch past the end of the matrix reads nothing. Always inlined, since GCC
/// drops calls of a function that does nothing else.
inline __attribute__((always_inline)) void prefetch(const std::uint8_t* at) {
  constexpr std::int64_t kAhead = 4096;
  _mm_prefetch(at + kAhead, _MM_HINT_T0);
}

/// Some rows times some panels in registers: the 32-bit sums of the current block, and the totals of all
/// blocks so far. Each loaded weight serves all rows and each loaded activation all panels, since two loads
/// per cycle feed two dot products. If there are few sums, each needs several chains to hide the latency of
/// the dot product.
template <int kPanels, int kRows>
struct VnniTile {
  static constexpr int kSums = kPanels * kRows;
  static constexpr int kChains = kSums == 1 ? 4 : (kSums <= 4 ? 2 : 1);
  __m512 total[kPanels][kRows];
  __m512i sum[kPanels][kRows][kChains];
};

template <int kPanels, int kRows>
ROUTEDK_VNNI_INLINE void vnni_start(VnniTile<kPanels, kRows>& tile, const TermRows& rows, std::int64_t b) {
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const __m512i correction = _mm512_set1_epi32(rows.corrections[r * rows.stride + b]);
#pragma GCC unroll 2
    for (int p = 0; p < kPanels; ++p) {
      tile.sum[p][r][0] = correction;
#pragma GCC unroll 4
      for (int c = 1; c < VnniTile<kPanels, kRows>::kChains; ++c) {
        tile.sum[p][r][c] = _mm512_setzero_si512();
      }
    }
  }
}

/// Multiplies four columns of weights of each panel with each row's codes.
template <int kPanels, int kRows>
ROUTEDK_VNNI_INLINE void vnni_step(VnniTile<kPanels, kRows>& tile, int step,
                                   const __m512i (&weights)[kPanels], const std::int8_t* codes,
                                   std::int64_t stride) {
  const int chain = step % VnniTile<kPanels, kRows>::kChains;
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    __m512i four = _mm512_set1_epi32(four_codes(codes + r * stride));
    if constexpr (kPanels > 1) {
      asm("" : "+v"(four));  // load once: the compiler would load it for each panel
    }
#pragma GCC unroll 2
    for (int p = 0; p < kPanels; ++p) {
      tile.sum[p][r][chain] = _mm512_dpbusd_epi32(tile.sum[p][r][chain], weights[p], four);
    }
  }
}

/// A block's 16 scales or minima.
ROUTEDK_VNNI_INLINE __m512 vnni_numbers(const std::uint8_t* at, bool half) {
  return half ? _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)))
              : _mm512_loadu_ps(at);
}

/// Adds the block's scaled sums, and its minima. tail: the first panel's scales.
template <int kPanels, int kRows>
ROUTEDK_VNNI_INLINE void vnni_finish(VnniTile<kPanels, kRows>& tile, const TermRows& rows, std::int64_t b,
                                     const std::uint8_t* tail, const Int8Term& term) {
#pragma GCC unroll 2
  for (int p = 0; p < kPanels; ++p) {
    const std::uint8_t* const scales = tail + p * term.panel_bytes;
    const __m512 weight_scale = vnni_numbers(scales, term.half);
    if constexpr (kPanels == 1) {
      prefetch(scales);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      __m512i sum = tile.sum[p][r][0];
#pragma GCC unroll 4
      for (int c = 1; c < VnniTile<kPanels, kRows>::kChains; ++c) {
        sum = _mm512_add_epi32(sum, tile.sum[p][r][c]);
      }
      const __m512 scale = _mm512_mul_ps(weight_scale, _mm512_set1_ps(rows.scales[r * rows.stride + b]));
      tile.total[p][r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, tile.total[p][r]);
    }
    if (term.minima) {
      const __m512 min = vnni_numbers(scales + term.scale_bytes(), term.half);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        tile.total[p][r] =
            _mm512_fmadd_ps(min, _mm512_set1_ps(rows.sums[r * rows.stride + b]), tile.total[p][r]);
      }
    }
  }
}

template <int kPanels, int kRows>
ROUTEDK_VNNI_INLINE void vnni_eight(VnniTile<kPanels, kRows>& tile, const Int8Term& term,
                                    const Place& place) {
  const TermRows rows(term, place.row);
  const std::uint8_t* panel = place.of(term);
  for (std::int64_t b = 0; b < term.blocks; ++b) {
    vnni_start(tile, rows, b);
    const std::int8_t* codes = rows.codes + b * term.block;
    const std::int64_t last = term.last(b);
    for (std::int64_t column = term.first(b); column < last; column += 16) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        __m512i weights[kPanels];
#pragma GCC unroll 2
        for (int p = 0; p < kPanels; ++p) {
          weights[p] = _mm512_loadu_si512(panel + p * term.panel_bytes + column * 16 + i * kLine);
        }
        if constexpr (kPanels == 1) {
          prefetch(panel + column * 16 + i * kLine);
        }
        vnni_step(tile, i, weights, codes + column + 4 * i, rows.codes_stride);
      }
    }
    vnni_finish(tile, rows, b, panel + term.code_bytes(), term);
    panel += term.code_bytes() + term.tail_bytes();
  }
}

template <int kRows>
ROUTEDK_VNNI_INLINE void vnni_four(VnniTile<1, kRows>& tile, const Int8Term& term, const Place& place) {
  const __m512i values =
      _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(term.table)));
  const __m512i nibble = _mm512_set1_epi8(15);
  const TermRows rows(term, place.row);
  const std::uint8_t* panel = place.of(term);
  for (std::int64_t b = 0; b < term.blocks; ++b) {
    vnni_start(tile, rows, b);
    const std::int8_t* codes = rows.codes + b * term.block;
    for (const std::int8_t* const end = codes + term.block; codes < end; codes += 16) {
#pragma GCC unroll 2
      for (int i = 0; i < 2; ++i) {
        const __m512i both = _mm512_loadu_si512(panel + i * kLine);
        prefetch(panel + i * kLine);
        const __m512i low[] = {_mm512_shuffle_epi8(values, _mm512_and_si512(both, nibble))};
        const __m512i high[] = {
            _mm512_shuffle_epi8(values, _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble))};
        vnni_step(tile, 2 * i, low, codes + 8 * i, rows.codes_stride);
        vnni_step(tile, 2 * i + 1, high, codes + 8 * i + 4, rows.codes_stride);
      }
      panel += 2 * kLine;
    }
    vnni_finish(tile, rows, b, panel, term);
    panel += term.tail_bytes();
  }
}

template <int kPanels>
struct VnniRun {
  template <int kRows>
  ROUTEDK_VNNI static void run(std::span<const Int8Term> terms, const Place& place, const Int8Sums& sums) {
    VnniTile<kPanels, kRows> tile;
    float* const to = place.of(sums);
#pragma GCC unroll 2
    for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        tile.total[p][r] =
            sums.add ? _mm512_loadu_ps(to + r * sums.stride + p * kWidth) : _mm512_setzero_ps();
      }
    }
    for (const Int8Term& term : terms) {
      if constexpr (kPanels == 1) {
        if (term.table != nullptr) {
          vnni_four(tile, term, place);
          continue;
        }
      }
      vnni_eight(tile, term, place);
    }
#pragma GCC unroll 2
    for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        _mm512_storeu_ps(to + r * sums.stride + p * kWidth, tile.total[p][r]);
      }
    }
  }
};

ROUTEDK_VNNI void vnni_multiply(std::span<const Int8Term> terms, std::int64_t rows, std::int64_t panels,
                                const Int8Sums& sums) {
  if (panels == kInt8Panels && rows > kInt8FewRows) {
    return by_rows<VnniRun<kInt8Panels>, 6>(terms, rows, 0, sums);
  }
  for (std::int64_t panel = 0; panel < panels; ++panel) {
    by_rows<VnniRun<1>, kInt8FewRows>(terms, rows, panel, sums);
  }
}

ROUTEDK_VNNI void vnni_widen(const Int8Term& narrow, std::uint8_t* wide) {
  const __m512i values =
      _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(narrow.table)));
  const __m512i nibble = _mm512_set1_epi8(15);
  const std::uint8_t* panel = narrow.panel;
  for (std::int64_t b = 0; b < narrow.blocks; ++b) {
    for (const std::uint8_t* const end = panel + narrow.code_bytes(); panel < end; panel += kLine) {
      const __m512i both = _mm512_loadu_si512(panel);
      _mm512_storeu_si512(wide, _mm512_shuffle_epi8(values, _mm512_and_si512(both, nibble)));
      _mm512_storeu_si512(wide + kLine,
                          _mm512_shuffle_epi8(values, _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble)));
      wide += 2 * kLine;
    }
    copy_tail(narrow, panel, wide);
  }
}

}  // namespace

const Int8Kernel kInt8Vnni = {vnni_multiply, vnni_widen, true, "avx512-vnni"};

}  // namespace routedk::kernels::cpu
