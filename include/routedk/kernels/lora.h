/// Low-rank adapters beside a frozen linear: y += ((x A^T) * weights) B^T (LoRA, arXiv 2106.09685).
#pragma once

#include "routedk/kernels/dropout.h"
#include "routedk/kernels/linear.h"

#include <ATen/ATen.h>

namespace routedk::kernels {

/// The factors of one adapter for one linear; undefined tensors where it doesn't adapt it.
struct LoraFactors {
  at::Tensor a;        // [r,in]
  at::Tensor bt;       // [r,out]
  double scale = 0.0;  ///< s
};

/// x [T,n], factor [R,n] -> scale x factor^T [T,R] in x's type. Not recorded by autograd.
at::Tensor lora_down(const at::Tensor& x, const at::Tensor& factor, double scale,
                     Precision precision = Precision::kFloat32);
/// narrow [T,R], x [T,n] -> narrow^T x [R,n] in x's type: a factor's gradient. Not recorded by autograd. In
/// fp32 the sums over the tokens don't depend on the number of threads.
at::Tensor factor_gradient(const at::Tensor& narrow, const at::Tensor& x,
                           Precision precision = Precision::kFloat32);

/// x [t,in] -> x W^T + b + s (dropout(x) A^T) B^T [t,out] in x's type, one autograd node. For backward it
/// keeps x and the t x r product; the dropped input is made again. Gradients reach x and the factors.
at::Tensor lora_linear(const FrozenLinear& linear, const LoraFactors& factors, KeyedDropout dropout,
                       const at::Tensor& x);

/// Several adapters' factors, one after another, frozen.
struct LoraStack {
  at::Tensor a;   // [R,in] in x's type, as the next
  at::Tensor bt;  // [R,out]
};

/// y [T,out] + ((x A^T) * weights) B^T, x [T,in], weights [T,R] or a number. Gradients reach y, x and the
/// weights. With `batch_invariant` a row's bits in fp32 depend on that row alone, without gradients.
at::Tensor add_lora(const at::Tensor& y, const at::Tensor& x, const LoraStack& stack,
                    const at::Tensor& weights, bool batch_invariant);

}  // namespace routedk::kernels
