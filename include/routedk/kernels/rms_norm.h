/// Root mean square normalisation (arXiv 1910.07467) with a frozen weight.
#pragma once

#include <optional>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// y = x / sqrt(mean(x^2) + eps) * weight, for each row; x [T,D], weight [D] in the type of x, y [T,D] in x's
/// type or, on a GPU, `to`, rounded once. The weight is frozen: gradients reach x alone. x is fp32, on the
/// CPU also fp64 or bf16.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps,
                    std::optional<at::ScalarType> to = {});

}  // namespace routedk::kernels
