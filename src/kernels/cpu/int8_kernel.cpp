/// The kernel in plain C++, and which one this CPU runs.
#include "int8_kernel.h"

#include <cmath>

#include "int8_tile.h"
#include "isa.h"

namespace routedk::kernels::cpu {
namespace {

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

constexpr Int8Kernel kScalar = {scalar_multiply, scalar_widen, false, "scalar"};

}  // namespace

const Int8Kernel& int8_scalar_kernel() noexcept {
  return kScalar;
}

const Int8Kernel& int8_avx2_kernel() noexcept {
  return cpu_isa() == Isa::kScalar ? kScalar : kInt8Avx2;
}

const Int8Kernel& int8_kernel() noexcept {
  static const bool vnni = cpu_isa() == Isa::kAvx512 && __builtin_cpu_supports("avx512vnni") != 0;
  return vnni ? kInt8Vnni : int8_avx2_kernel();
}

}  // namespace routedk::kernels::cpu
