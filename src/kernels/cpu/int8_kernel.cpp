#include "routedk/kernels/cpu/capability.h"
/// The kernel in plain C++, and the choice of kernel for this CPU.
#include <cmath>

#include "int8_kernel.h"
#include "int8_tile.h"
#include <c10/util/Half.h>

namespace routedk::kernels::cpu {
namespace {

/// Number n of a block's scales or minima.
float number(const std::uint8_t* at, bool half, std::int64_t n) {
  if (half) {
    c10::Half value;
    std::memcpy(&value, at + n * 2, sizeof(value));
    return value;
  }
  float value = 0.0F;
  std::memcpy(&value, at + n * 4, sizeof(value));
  return value;
}

/// total plus the term's contribution to one value: row `place.row` times row `n` of a panel.
float scalar_eight(float total, const Int8Term& term, const Place& place, std::int64_t n) {
  const TermRows row(term, place.row);
  const std::uint8_t* at = place.of(term);
  for (std::int64_t b = 0; b < term.blocks; ++b) {
    const std::int8_t* codes = row.codes + b * term.block;
    std::int32_t sum = row.corrections[b];
    for (std::int64_t column = term.first(b); column < term.last(b); ++column) {
      sum += at[column / 4 * kLine + n * 4 + column % 4] * codes[column];
    }
    const std::uint8_t* const tail = at + term.code_bytes();
    total = std::fma(static_cast<float>(sum), number(tail, term.half, n) * row.scales[b], total);
    if (term.minima) {
      total = std::fma(number(tail + term.scale_bytes(), term.half, n), row.sums[b], total);
    }
    at = tail + term.tail_bytes();
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

void scalar_widen(const Int8Term& narrow, std::uint8_t* wide) {
  const std::uint8_t* panel = narrow.panel;
  for (std::int64_t b = 0; b < narrow.blocks; ++b) {
    for (const std::uint8_t* const end = panel + narrow.code_bytes(); panel < end; panel += kLine) {
      for (int byte = 0; byte < kLine; ++byte) {
        wide[byte] = narrow.table[panel[byte] & 15U];
        wide[kLine + byte] = narrow.table[panel[byte] >> 4U];
      }
      wide += 2 * kLine;
    }
    copy_tail(narrow, panel, wide);
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
