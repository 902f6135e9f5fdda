/// What the CPU supports, and how fast it is.
#pragma once

#include "routedk/core/named_enum.h"
#include "routedk/kernels/precision.h"

#include <cstdint>
#include <string>

namespace routedk::kernels::cpu {

/// Vector instructions that the kernels use. kAvx2 includes fused multiply-add; kAvx512 is F, BW and VL, with
/// products of 8-bit integers and of bfloat16 where the CPU has them.
enum class Isa : std::uint8_t { kScalar, kAvx2, kAvx512 };
constexpr auto enum_names(Isa /*of*/) {
  return std::to_array<EnumName<Isa>>(
      {{Isa::kScalar, "scalar"}, {Isa::kAvx2, "avx2"}, {Isa::kAvx512, "avx512"}});
}

/// The widest set that this CPU has, or a narrower one named by the environment variable ROUTEDK_ISA, to
/// measure and test what other CPUs run. Auto-vectorised loops always use the widest.
Isa cpu_isa() noexcept;
/// ConfigError when ROUTEDK_ISA is set to another word.
void require_known_isa();

/// Whether the CPU multiplies pairs of bfloat16 numbers.
bool has_bfloat16_products() noexcept;

/// Whether it does so in AMX tiles that this process may use, with correct results: tested once.
bool has_amx_products() noexcept;

/// The CPU's own name, with family, model and stepping: "AMD EPYC (a10f11)".
std::string cpu_name();

/// Floating-point operations per second of all of ATen's threads together, two per multiply-add, with the
/// kernels of tile.h on operands in the L1 cache: the upper limit for products. Measured in about 25 ms.
double product_rate(Precision precision);

/// How many times faster than float32 the threads multiply bfloat16: the ratio of their product_rate. On a
/// CPU without such products 0.5, which is not measured.
double measure_bfloat16_speedup();

}  // namespace routedk::kernels::cpu
