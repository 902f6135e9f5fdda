/// The gated activation of Llama's feed-forward network (arXiv 2002.05202).
#pragma once

#include <ATen/ATen.h>

namespace routedk::kernels {

/// silu(gate) * up, silu(g) = g / (1 + e^-g); all [T,F], fp32, fp64 or bf16, rounded once.
at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up);

}  // namespace routedk::kernels
