/// Rotary position embedding (arXiv 2104.09864) in Hugging Face's half-split layout.
#pragma once

#include <ATen/ATen.h>

namespace routedk::kernels {

/// Angles of the tokens of one forward pass.
struct RotaryTables {
  at::Tensor cos;  // [T,1,C/2]
  at::Tensor sin;  // [T,1,C/2]
};

/// x [T,heads,C] with the pair (i, i + C/2) rotated by its token's angle i. fp32, fp64 or bf16.
at::Tensor rotate(const at::Tensor& x, const RotaryTables& tables);

}  // namespace routedk::kernels
