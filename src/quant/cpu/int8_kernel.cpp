#include "int8_kernel.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "intrinsics.h"
#include "isa.h"

namespace routedk::quant::cpu {
namespace {

#define ROUTEDK_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define ROUTEDK_AVX2 __attribute__((target("avx2,fma")))

constexpr std::int64_t kLine = 64;        // bytes that hold 16 rows' weights of 4 columns, or their scales
constexpr std::int64_t kNf4Columns = 64;  // of a block of 4-bit codes
constexpr std::int64_t kNf4Lines = kNf4Columns / 8;

/// 4 codes of a row, as the dot products take them.
inline std::int32_t four_codes(const std::int8_t* codes) {
  std::int32_t bits = 0;
  std::memcpy(&bits, codes, sizeof(bits));
  return bits;
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

/// Rows::run(panel..., tile, sums) for kMost rows at a time; a block holds `block` columns.
template <typename Rows, std::int64_t kMost, typename... Panel>
inline void by_rows(std::int64_t block, Int8Tile tile, Int8Sums sums, const Panel&... panel) {
  for (std::int64_t left = tile.count; left > 0; left -= kMost) {
    tile.count = std::min(left, kMost);
    with_count<Rows, kMost>(tile.count, panel..., tile, sums);
    tile.codes += kMost * tile.row_blocks * block;
    tile.scales += kMost * tile.row_blocks;
    tile.corrections += kMost * tile.row_blocks;
    sums.values += kMost * sums.stride;
  }
}

// AVX-512 with VNNI ----------------------------------------------------------------------------------------

/// Sums of one block; few rows need several chains each to hide the dot product's latency.
template <int kCount>
struct VnniSums {
  static constexpr int kChains = kCount == 1 ? 4 : (kCount <= 4 ? 2 : 1);
  __m512i sum[kCount][kChains];
};

template <int kCount>
ROUTEDK_VNNI inline __attribute__((always_inline)) void vnni_start(VnniSums<kCount>& s, const Int8Tile& tile,
                                                                   std::int64_t b) {
#pragma GCC unroll 12
  for (int r = 0; r < kCount; ++r) {
    s.sum[r][0] = _mm512_set1_epi32(tile.corrections[r * tile.row_blocks + b]);
#pragma GCC unroll 4
    for (int c = 1; c < VnniSums<kCount>::kChains; ++c) {
      s.sum[r][c] = _mm512_setzero_si512();
    }
  }
}

template <int kCount>
ROUTEDK_VNNI inline __attribute__((always_inline)) void vnni_step(VnniSums<kCount>& s, int chain,
                                                                  __m512i weights, const std::int8_t* codes,
                                                                  std::int64_t stride) {
#pragma GCC unroll 12
  for (int r = 0; r < kCount; ++r) {
    s.sum[r][chain] =
        _mm512_dpbusd_epi32(s.sum[r][chain], weights, _mm512_set1_epi32(four_codes(codes + r * stride)));
  }
}

template <int kCount>
ROUTEDK_VNNI inline __attribute__((always_inline)) void vnni_finish(const VnniSums<kCount>& s,
                                                                    const std::uint8_t* scales,
                                                                    const Int8Tile& tile, std::int64_t b,
                                                                    __m512 (&total)[kCount]) {
  const __m512 weight_scale = _mm512_loadu_ps(scales);
#pragma GCC unroll 12
  for (int r = 0; r < kCount; ++r) {
    __m512i sum = s.sum[r][0];
#pragma GCC unroll 4
    for (int c = 1; c < VnniSums<kCount>::kChains; ++c) {
      sum = _mm512_add_epi32(sum, s.sum[r][c]);
    }
    const __m512 scale = _mm512_mul_ps(weight_scale, _mm512_set1_ps(tile.scales[r * tile.row_blocks + b]));
    total[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, total[r]);
  }
}

struct VnniEight {
  template <int kCount>
  ROUTEDK_VNNI static void run(const std::uint8_t* panel, std::int64_t block, const Int8Tile& tile,
                               const Int8Sums& sums) {
    __m512 total[kCount];
#pragma GCC unroll 12
    for (int r = 0; r < kCount; ++r) {
      total[r] = _mm512_setzero_ps();
    }
    const std::int64_t stride = tile.row_blocks * block;
    for (std::int64_t b = 0; b < tile.blocks; ++b) {
      VnniSums<kCount> s;
      vnni_start(s, tile, b);
      const std::int8_t* codes = tile.codes + b * block;
      const std::int64_t last = tile.last(b, block);
      for (std::int64_t column = tile.first(b); column < last; column += 16) {
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          vnni_step(s, i % VnniSums<kCount>::kChains, _mm512_loadu_si512(panel + column * 16 + i * kLine),
                    codes + column + 4 * i, stride);
        }
      }
      vnni_finish(s, panel + block * 16, tile, b, total);
      panel += block * 16 + kLine;
    }
#pragma GCC unroll 12
    for (int r = 0; r < kCount; ++r) {
      float* const to = sums.values + r * sums.stride;
      _mm512_storeu_ps(to, sums.add ? _mm512_add_ps(total[r], _mm512_loadu_ps(to)) : total[r]);
    }
  }
};

struct VnniFour {
  template <int kCount>
  ROUTEDK_VNNI static void run(const std::uint8_t* panel, const std::uint8_t* table, const Int8Tile& tile,
                               const Int8Sums& sums) {
    const __m512i values = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
    const __m512i nibble = _mm512_set1_epi8(15);
    __m512 total[kCount];
#pragma GCC unroll 12
    for (int r = 0; r < kCount; ++r) {
      total[r] = _mm512_setzero_ps();
    }
    const std::int64_t stride = tile.row_blocks * kNf4Columns;
    for (std::int64_t b = 0; b < tile.blocks; ++b) {
      VnniSums<kCount> s;
      vnni_start(s, tile, b);
      const std::int8_t* codes = tile.codes + b * kNf4Columns;
#pragma GCC unroll 8
      for (int i = 0; i < kNf4Lines; ++i) {
        const __m512i both = _mm512_loadu_si512(panel + i * kLine);
        const __m512i low = _mm512_shuffle_epi8(values, _mm512_and_si512(both, nibble));
        const __m512i high =
            _mm512_shuffle_epi8(values, _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble));
        vnni_step(s, (2 * i) % VnniSums<kCount>::kChains, low, codes + 8 * i, stride);
        vnni_step(s, (2 * i + 1) % VnniSums<kCount>::kChains, high, codes + 8 * i + 4, stride);
      }
      vnni_finish(s, panel + kNf4Lines * kLine, tile, b, total);
      panel += (kNf4Lines + 1) * kLine;
    }
#pragma GCC unroll 12
    for (int r = 0; r < kCount; ++r) {
      float* const to = sums.values + r * sums.stride;
      _mm512_storeu_ps(to, sums.add ? _mm512_add_ps(total[r], _mm512_loadu_ps(to)) : total[r]);
    }
  }
};

ROUTEDK_VNNI void vnni_eight(const std::uint8_t* panel, std::int64_t block, const Int8Tile& tile,
                             const Int8Sums& sums) {
  by_rows<VnniEight, kInt8Rows>(block, tile, sums, panel, block);
}

ROUTEDK_VNNI void vnni_four(const std::uint8_t* panel, const std::uint8_t* table, const Int8Tile& tile,
                            const Int8Sums& sums) {
  by_rows<VnniFour, kInt8Rows>(kNf4Columns, tile, sums, panel, table);
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

struct Avx2Eight {
  template <int kCount>
  ROUTEDK_AVX2 static void run(const std::uint8_t* panel, std::int64_t block, const Int8Tile& tile,
                               const Int8Sums& sums) {
    const std::int64_t stride = tile.row_blocks * block;
    const std::int64_t block_bytes = block * 16 + kLine;
    for (int half = 0; half < 2; ++half) {
      __m256 total[kCount];
#pragma GCC unroll 8
      for (int r = 0; r < kCount; ++r) {
        total[r] = _mm256_setzero_ps();
      }
      for (std::int64_t b = 0; b < tile.blocks; ++b) {
        const std::uint8_t* const at = panel + b * block_bytes + half * (kLine / 2);
        const std::int8_t* codes = tile.codes + b * block;
        __m256i sum[kCount];
#pragma GCC unroll 8
        for (int r = 0; r < kCount; ++r) {
          sum[r] = _mm256_setzero_si256();
        }
        const std::int64_t last = tile.last(b, block);
        for (std::int64_t column = tile.first(b); column < last; column += 4) {
          const __m256i weights = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + column * 16));
#pragma GCC unroll 8
          for (int r = 0; r < kCount; ++r) {
            sum[r] = avx2_dot(sum[r], weights, _mm256_set1_epi32(four_codes(codes + column + r * stride)));
          }
        }
        const __m256 weight_scale = _mm256_loadu_ps(reinterpret_cast<const float*>(at + block * 16));
#pragma GCC unroll 8
        for (int r = 0; r < kCount; ++r) {
          const __m256 scale =
              _mm256_mul_ps(weight_scale, _mm256_set1_ps(tile.scales[r * tile.row_blocks + b]));
          total[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[r]), scale, total[r]);
        }
      }
#pragma GCC unroll 8
      for (int r = 0; r < kCount; ++r) {
        float* const to = sums.values + r * sums.stride + half * 8;
        _mm256_storeu_ps(to, sums.add ? _mm256_add_ps(total[r], _mm256_loadu_ps(to)) : total[r]);
      }
    }
  }
};

ROUTEDK_AVX2 void avx2_eight(const std::uint8_t* panel, std::int64_t block, const Int8Tile& tile,
                             const Int8Sums& sums) {
  constexpr std::int64_t kRows = 4;  // 16 registers: their sums and totals, weights, signs
  by_rows<Avx2Eight, kRows>(block, tile, sums, panel, block);
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

void scalar_eight(const std::uint8_t* panel, std::int64_t block, const Int8Tile& tile, const Int8Sums& sums) {
  for (std::int64_t r = 0; r < tile.count; ++r) {
    for (int n = 0; n < 16; ++n) {
      float total = 0.0F;
      for (std::int64_t b = 0; b < tile.blocks; ++b) {
        const std::uint8_t* at = panel + b * (block * 16 + kLine);
        const std::int8_t* codes = tile.codes + (r * tile.row_blocks + b) * block;
        std::int32_t sum = tile.corrections[r * tile.row_blocks + b];
        for (std::int64_t column = tile.first(b); column < tile.last(b, block); ++column) {
          sum += at[column / 4 * kLine + n * 4 + column % 4] * codes[column];
        }
        float weight_scale = 0.0F;
        std::memcpy(&weight_scale, at + block * 16 + n * 4, sizeof(weight_scale));
        total = std::fma(static_cast<float>(sum), weight_scale * tile.scales[r * tile.row_blocks + b], total);
      }
      float& to = sums.values[r * sums.stride + n];
      to = total + (sums.add ? to : 0.0F);
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

constexpr Int8Kernel kVnni = {vnni_eight, vnni_four, vnni_widen, "avx512-vnni"};
constexpr Int8Kernel kAvx2 = {avx2_eight, nullptr, avx2_widen, "avx2"};
constexpr Int8Kernel kScalar = {scalar_eight, nullptr, scalar_widen, "scalar"};

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
