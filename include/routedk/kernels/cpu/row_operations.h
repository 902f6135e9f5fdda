/// Operations on one row of floats, on the calling thread: the units that a team of threads divides.
#pragma once

#include <cstdint>

namespace routedk::kernels::cpu {

/// y = x / sqrt(mean(x^2) + eps) * weight, all [width].
void rms_norm_row(const float* x, const float* weight, float* y, double eps, std::int64_t width);
/// x [heads,C] in place, as kernels::rotate; cosines and sines [C/2], half is C/2.
void rotate_row(float* x, const float* cosines, const float* sines, std::int64_t heads, std::int64_t half);
/// silu(gate) * up, `size` floats each.
void swiglu_row(const float* gate, const float* up, float* y, std::int64_t size);

}  // namespace routedk::kernels::cpu
