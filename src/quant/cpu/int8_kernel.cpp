#include "int8_kernel.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "intrinsics.h"
#include "isa.h"

namespace routedk::quant::cpu {
namespace {

#define ROUTEDK_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define ROUTEDK_VNNI_INLINE ROUTEDK_VNNI inline __attribute__((always_inline))
#define ROUTEDK_AVX2 __attribute__((target("avx2,fma")))

constexpr std::int64_t kWidth = 16;       // rows of a panel
constexpr std::int64_t kLine = 64;        // bytes that hold 16 rows' weights of 4 columns, or their scales
constexpr std::int64_t kNf4Columns = 64;  // of a block of 4-bit codes
constexpr std::int64_t kNf4Lines = kNf4Columns / 8;

/// 4 codes of a row, as the dot products take them.
inline std::int32_t four_codes(const std::int8_t* codes) {
  std::int32_t bits = 0;
  std::memcpy(&bits, codes, sizeof(bits));
  return bits;
}

/// Few rows wait for memory: this asks for what is needed some hundred nanoseconds later, often of the next
/// panel. Where that is past the matrix's end nothing is read. Inlined always, since GCC leaves out calls of
/// a function that does nothing else.
inline __attribute__((always_inline)) void prefetch(const std::uint8_t* at) {
  constexpr std::int64_t kAhead = 4096;
  _mm_prefetch(at + kAhead, _MM_HINT_T0);
}

/// Calls Rows::run<count>(arguments...) for a count from 1 to kMost, known only here.
template <typename Rows, std::int64_t kMost, typename... Arguments>
inline void with_count(std::int64_t count, const Arguments&... arguments) {
  if constexpr (kMost > 1) {
    if (count < kMost) {
      return with_count<Rows, kMost - 1>(count, arguments...);
    }
  }
  Rows::template run<static_cast<int>(kMost)>(arguments...);
}

/// Where a tile begins: a row and a panel of each term.
struct Place {
  std::int64_t row;
  std::int64_t panel;

  float* of(const Int8Sums& sums) const noexcept { return sums.values + row * sums.stride + panel * kWidth; }
  const std::uint8_t* of(const Int8Term& term) const noexcept {
    return term.panel + panel * term.panel_bytes;
  }
};

/// A term's rows from one on.
struct TermRows {
  const std::int8_t* codes;
  const float* scales;
  const std::int32_t* corrections;
  std::int64_t codes_stride;
  std::int64_t stride;

  TermRows(const Int8Term& term, std::int64_t row)
      : codes(term.codes + row * term.row_blocks * term.block),
        scales(term.scales + row * term.row_blocks),
        corrections(term.corrections + row * term.row_blocks),
        codes_stride(term.row_blocks * term.block),
        stride(term.row_blocks) {}
};

/// Rows::run(terms, place, sums) for kMost rows at a time.
template <typename Rows, std::int64_t kMost>
inline void by_rows(std::span<const Int8Term> terms, std::int64_t rows, std::int64_t panel,
                    const Int8Sums& sums) {
  for (std::int64_t row = 0; row < rows; row += kMost) {
    with_count<Rows, kMost>(std::min(rows - row, kMost), terms, Place{row, panel}, sums);
  }
}

// AVX-512 with VNNI ----------------------------------------------------------------------------------------

/// Some rows times some panels within the registers: the current block's sums in 32 bits, and all blocks' so
/// far. Each weight that is loaded serves all rows and each activation all panels, since two loads a cycle
/// feed two dot products. Few sums need several chains each to hide the dot product's latency.
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

/// Four columns' weights of each panel times each row's codes.
template <int kPanels, int kRows>
ROUTEDK_VNNI_INLINE void vnni_step(VnniTile<kPanels, kRows>& tile, int step,
                                   const __m512i (&weights)[kPanels], const std::int8_t* codes,
                                   std::int64_t stride) {
  const int chain = step % VnniTile<kPanels, kRows>::kChains;
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    __m512i four = _mm512_set1_epi32(four_codes(codes + r * stride));
    if constexpr (kPanels > 1) {
      asm("" : "+v"(four));  // loaded once: the compiler would load it for each panel
    }
#pragma GCC unroll 2
    for (int p = 0; p < kPanels; ++p) {
      tile.sum[p][r][chain] = _mm512_dpbusd_epi32(tile.sum[p][r][chain], weights[p], four);
    }
  }
}

/// Adds the block's sums, scaled. scales: the first panel's 16.
template <int kPanels, int kRows>
ROUTEDK_VNNI_INLINE void vnni_finish(VnniTile<kPanels, kRows>& tile, const TermRows& rows, std::int64_t b,
                                     const std::uint8_t* scales, std::int64_t panel_bytes) {
#pragma GCC unroll 2
  for (int p = 0; p < kPanels; ++p) {
    const __m512 weight_scale = _mm512_loadu_ps(scales + p * panel_bytes);
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
    vnni_finish(tile, rows, b, panel + term.block * 16, term.panel_bytes);
    panel += term.block * 16 + kLine;
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
    const std::int8_t* codes = rows.codes + b * kNf4Columns;
#pragma GCC unroll 8
    for (int i = 0; i < kNf4Lines; ++i) {
      const __m512i both = _mm512_loadu_si512(panel + i * kLine);
      prefetch(panel + i * kLine);
      const __m512i low[] = {_mm512_shuffle_epi8(values, _mm512_and_si512(both, nibble))};
      const __m512i high[] = {
          _mm512_shuffle_epi8(values, _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble))};
      vnni_step(tile, 2 * i, low, codes + 8 * i, rows.codes_stride);
      vnni_step(tile, 2 * i + 1, high, codes + 8 * i + 4, rows.codes_stride);
    }
    vnni_finish(tile, rows, b, panel + kNf4Lines * kLine, 0);
    panel += (kNf4Lines + 1) * kLine;
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
  if (panels == 2 && rows > kInt8FewRows) {
    return by_rows<VnniRun<2>, 6>(terms, rows, 0, sums);
  }
  for (std::int64_t panel = 0; panel < panels; ++panel) {
    by_rows<VnniRun<1>, kInt8FewRows>(terms, rows, panel, sums);
  }
}

ROUTEDK_VNNI void vnni_widen(const std::uint8_t* panel, const std::uint8_t* table, std::int64_t blocks,
                             std::uint8_t* wide) {
  const __m512i values = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  const __m512i nibble = _mm512_set1_epi8(15);
  for (std::int64_t b = 0; b < blocks; ++b) {
    for (int i = 0; i < kNf4Lines; ++i) {
      const __m512i both = _mm512_loadu_si512(panel);
      _mm512_storeu_si512(wide, _mm512_shuffle_epi8(values, _mm512_and_si512(both, nibble)));
      _mm512_storeu_si512(wide + kLine,
                          _mm512_shuffle_epi8(values, _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble)));
      panel += kLine;
      wide += 2 * kLine;
    }
    _mm512_storeu_si512(wide, _mm512_loadu_si512(panel));  // the scales
    panel += kLine;
    wide += kLine;
  }
}

// AVX2 -----------------------------------------------------------------------------------------------------

/// 8 rows' sums of 4 products each. Signs go to the codes, so that pairs of products stay below 2^15.
ROUTEDK_AVX2 inline __m256i avx2_dot(__m256i sum, __m256i weights, __m256i codes) {
  const __m256i signed_weights = _mm256_xor_si256(weights, _mm256_set1_epi8(-128));
  const __m256i pairs =
      _mm256_maddubs_epi16(_mm256_abs_epi8(signed_weights), _mm256_sign_epi8(codes, signed_weights));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/// Adds one half of a panel's values.
template <int kRows>
ROUTEDK_AVX2 inline __attribute__((always_inline)) void avx2_eight(__m256 (&total)[kRows],
                                                                   const Int8Term& term, const Place& place,
                                                                   int half) {
  const TermRows rows(term, place.row);
  const std::uint8_t* at = place.of(term) + half * (kLine / 2);
  for (std::int64_t b = 0; b < term.blocks; ++b) {
    const std::int8_t* codes = rows.codes + b * term.block;
    __m256i sum[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      sum[r] = _mm256_setzero_si256();
    }
    const std::int64_t last = term.last(b);
    for (std::int64_t column = term.first(b); column < last; column += 4) {
      const __m256i weights = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + column * 16));
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        sum[r] =
            avx2_dot(sum[r], weights, _mm256_set1_epi32(four_codes(codes + column + r * rows.codes_stride)));
      }
    }
    const __m256 weight_scale = _mm256_loadu_ps(reinterpret_cast<const float*>(at + term.block * 16));
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const __m256 scale = _mm256_mul_ps(weight_scale, _mm256_set1_ps(rows.scales[r * rows.stride + b]));
      total[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[r]), scale, total[r]);
    }
    at += term.block * 16 + kLine;
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
        avx2_eight(total, term, place, half);
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
  constexpr std::int64_t kRows = 4;  // 16 registers: their sums and totals, weights, signs
  for (std::int64_t panel = 0; panel < panels; ++panel) {
    by_rows<Avx2Run, kRows>(terms, rows, panel, sums);
  }
}

ROUTEDK_AVX2 void avx2_widen(const std::uint8_t* panel, const std::uint8_t* table, std::int64_t blocks,
                             std::uint8_t* wide) {
  const __m256i values =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  const __m256i nibble = _mm256_set1_epi8(15);
  for (std::int64_t b = 0; b < blocks; ++b) {
    for (int i = 0; i < kNf4Lines; ++i) {
      for (int half = 0; half < 2; ++half) {
        const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(panel + half * (kLine / 2)));
        const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(wide + half * (kLine / 2)),
                            _mm256_shuffle_epi8(values, _mm256_and_si256(both, nibble)));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(wide + kLine + half * (kLine / 2)),
                            _mm256_shuffle_epi8(values, high));
      }
      panel += kLine;
      wide += 2 * kLine;
    }
    std::memcpy(wide, panel, kLine);  // the scales
    panel += kLine;
    wide += kLine;
  }
}

// Plain C++ ------------------------------------------------------------------------------------------------

/// total plus the term's share of one value: row `place.row` times row `n` of a panel.
float scalar_eight(float total, const Int8Term& term, const Place& place, std::int64_t n) {
  const TermRows row(term, place.row);
  const std::uint8_t* at = place.of(term);
  for (std::int64_t b = 0; b < term.blocks; ++b) {
    const std::int8_t* codes = row.codes + b * term.block;
    std::int32_t sum = row.corrections[b];
    for (std::int64_t column = term.first(b); column < term.last(b); ++column) {
      sum += at[column / 4 * kLine + n * 4 + column % 4] * codes[column];
    }
    float weight_scale = 0.0F;
    std::memcpy(&weight_scale, at + term.block * 16 + n * 4, sizeof(weight_scale));
    total = std::fma(static_cast<float>(sum), weight_scale * row.scales[b], total);
    at += term.block * 16 + kLine;
  }
  return total;
}

void scalar_multiply(std::span<const Int8Term> terms, std::int64_t rows, std::int64_t panels,
                     const Int8Sums& sums) {
  for (Place place{0, 0}; place.row < rows; ++place.row) {
    for (place.panel = 0; place.panel < panels; ++place.panel) {
      for (std::int64_t n = 0; n < kWidth; ++n) {
        float& to = place.of(sums)[n];
        float total = sums.add ? to : 0.0F;
        for (const Int8Term& term : terms) {
          total = scalar_eight(total, term, place, n);
        }
        to = total;
      }
    }
  }
}

void scalar_widen(const std::uint8_t* panel, const std::uint8_t* table, std::int64_t blocks,
                  std::uint8_t* wide) {
  for (std::int64_t b = 0; b < blocks; ++b) {
    for (int i = 0; i < kNf4Lines; ++i) {
      for (int byte = 0; byte < kLine; ++byte) {
        wide[byte] = table[panel[byte] & 15U];
        wide[kLine + byte] = table[panel[byte] >> 4U];
      }
      panel += kLine;
      wide += 2 * kLine;
    }
    std::memcpy(wide, panel, kLine);
    panel += kLine;
    wide += kLine;
  }
}

constexpr Int8Kernel kVnni = {vnni_multiply, vnni_widen, true, "avx512-vnni"};
constexpr Int8Kernel kAvx2 = {avx2_multiply, avx2_widen, false, "avx2"};
constexpr Int8Kernel kScalar = {scalar_multiply, scalar_widen, false, "scalar"};

}  // namespace

const Int8Kernel& int8_scalar_kernel() noexcept {
  return kScalar;
}

const Int8Kernel& int8_avx2_kernel() noexcept {
  return cpu_isa() == Isa::kScalar ? kScalar : kAvx2;
}

const Int8Kernel& int8_kernel() noexcept {
  static const bool vnni = cpu_isa() == Isa::kAvx512 && __builtin_cpu_supports("avx512vnni") != 0;
  return vnni ? kVnni : int8_avx2_kernel();
}

}  // namespace routedk::quant::cpu
