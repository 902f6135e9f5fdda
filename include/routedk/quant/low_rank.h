/// Products with a factor of low rank R: as many rows as a batch has tokens on one side, R on the other.
#pragma once

#include <ATen/ATen.h>

namespace routedk::quant {

/// x [T,n], factor [R,n] -> scale x factor^T [T,R] in x's type. Not recorded by autograd.
at::Tensor into_rank(const at::Tensor& x, const at::Tensor& factor, double scale);

/// narrow [T,R], x [T,n] -> narrow^T x [R,n] in x's type: a factor's gradient. Not recorded by autograd. In
/// fp32 the sums over the tokens don't depend on the number of threads.
at::Tensor over_tokens(const at::Tensor& narrow, const at::Tensor& x);

}  // namespace routedk::quant
