/// What the CPU is and does fast.
#pragma once

#include "routedk/core/named_enum.h"
#include "routedk/kernels/precision.h"

#include <cstdint>
#include <string>

namespace routedk::kernels::cpu {

/// Vector instructions that kernels use. kAvx2 includes fused multiply-add; kAvx512 is F, BW and VL, with the
/// products of 8-bit integers and of bfloat16 where the CPU has them.
enum class Isa : std::uint8_t { kScalar, kAvx2, kAvx512 };
constexpr auto enum_names(Isa /*of*/) {
  return std::to_array<EnumName<Isa>>(
      {{Isa::kScalar, "scalar"}, {Isa::kAvx2, "avx2"}, {Isa::kAvx512, "avx512"}});
}

/// The widest set that this CPU has, or less where the environment's ROUTEDK_ISA names less: for measuring
/// and testing what other CPUs run. Loops that compilers make vectors of take the widest in either case.
Isa cpu_isa() noexcept;
/// ConfigError when ROUTEDK_ISA is set to another word.
void require_known_isa();

/// Whether it multiplies pairs of bfloat16 numbers.
bool has_bfloat16_products() noexcept;

/// Whether it does so in AMX tiles, may be used by this process, and gives what plain code does: tried once.
bool has_amx_products() noexcept;

/// As the CPU calls itself, with family, model and stepping: "AMD EPYC (a10f11)".
std::string cpu_name();

/// Floating-point operations a second, two for each multiply-add, of all of ATen's threads at once with the
/// kernels of tile.h on operands in the first-level cache: the limit of products. Measured, some 25 ms.
double product_rate(Precision precision);

/// How many times faster than float32 they multiply bfloat16: the ratio of their product_rate. 0.5, which is
/// not measured, on a CPU without such products.
double measure_bfloat16_speedup();

}  // namespace routedk::kernels::cpu
