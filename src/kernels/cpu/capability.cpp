#include "routedk/kernels/cpu/capability.h"

#include <cpuid.h>

namespace routedk::kernels::cpu {
namespace {

/// Leaf 7, EDX bit 22 (Intel SDM, volume 2, CPUID).
bool has_amx_bf16() noexcept {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx >> 22U & 1U) != 0;
}

}  // namespace

bool fast_bfloat16() noexcept {
  return has_amx_bf16() || (__builtin_cpu_is("amd") != 0 && __builtin_cpu_supports("avx512bf16") != 0);
}

}  // namespace routedk::kernels::cpu
