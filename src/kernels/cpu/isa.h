/// Which vector instructions the kernels may use.
#pragma once

#include <cstdint>

namespace routedk::kernels::cpu {

/// kAvx2 includes fused multiply-add; kAvx512 is F, BW and VL.
enum class Isa : std::uint8_t { kScalar, kAvx2, kAvx512 };

/// The widest set that this CPU has.
inline Isa cpu_isa() noexcept {
  static const Isa found = [] {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl")) {
      return Isa::kAvx512;
    }
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? Isa::kAvx2 : Isa::kScalar;
  }();
  return found;
}

/// Whether it multiplies pairs of bfloat16 numbers.
inline bool has_bfloat16_products() noexcept {
  static const bool found = cpu_isa() == Isa::kAvx512 && __builtin_cpu_supports("avx512bf16") != 0;
  return found;
}

}  // namespace routedk::kernels::cpu
