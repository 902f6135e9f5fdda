/// Root mean square normalisation (arXiv 1910.07467) by a frozen weight.
#pragma once

#include <cstdint>

#include <ATen/ATen.h>

namespace routedk::model {

/// y = x / sqrt(mean(x^2) + eps) * weight, for each row; x [T,D] contiguous, weight [D], y [T,D] in x's type,
/// rounded once. The weight is frozen: gradients reach x alone. x of fp32, fp64 or bf16.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

/// The same for one row of `width` floats, by the calling thread.
void rms_norm_row(const float* x, const float* weight, float* y, double eps, std::int64_t width);

}  // namespace routedk::model
