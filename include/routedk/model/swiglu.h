/// The gated activation of Llama's feed-forward part (arXiv 2002.05202).
#pragma once

#include <cstdint>

#include <ATen/ATen.h>

namespace routedk::model {

/// silu(gate) * up, silu(g) = g / (1 + e^-g); all [T,F], fp32, fp64 or bf16, rounded once.
at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up);

/// The same for `size` floats, by the calling thread.
void swiglu_row(const float* gate, const float* up, float* y, std::int64_t size);

}  // namespace routedk::model
