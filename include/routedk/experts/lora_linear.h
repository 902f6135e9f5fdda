/// A frozen linear together with one expert's share of its output.
#pragma once

#include "routedk/experts/dropout.h"
#include "routedk/experts/expert.h"
#include "routedk/quant/frozen_linear.h"

#include <ATen/ATen.h>

namespace routedk::experts {

/// x [t,in] -> x W^T + b + s (dropout(x) A^T) B^T [t,out] in x's type (LoRA, arXiv 2106.09685), one autograd
/// node. For backward it keeps x and the t x r product; the dropped input is made again. Gradients reach x
/// and the factors.
at::Tensor lora_linear(const quant::FrozenLinear& weight, const LoraFactors& factors, KeyedDropout dropout,
                       const at::Tensor& x);

}  // namespace routedk::experts
