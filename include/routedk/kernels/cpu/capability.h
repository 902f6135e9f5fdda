/// What the CPU multiplies fast.
#pragma once

namespace routedk::kernels::cpu {

/// Whether bf16 products beat fp32 ones: with AMX tiles, and on AMD's cores with bf16 dot products (Zen 4 on,
/// some 880 against 180 GFLOP/s on two cores). Intel's cores run those dot products at half the rate of fp32
/// multiply-adds (190 against 370 on two cores of an Emerald Rapids without AMX).
bool fast_bfloat16() noexcept;

}  // namespace routedk::kernels::cpu
