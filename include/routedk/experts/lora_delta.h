/// One expert's share of one linear's output.
#pragma once

#include "routedk/experts/dropout.h"
#include "routedk/experts/expert.h"

#include <ATen/ATen.h>

namespace routedk::experts {

/// x [t,in], y [t,out] -> y + s (dropout(x) A^T) B^T in y's type (LoRA, arXiv 2106.09685). For backward it
/// keeps x and the t x r product; the dropped input is made again. Gradients reach x, y and the factors.
at::Tensor add_lora(const LoraFactors& factors, KeyedDropout dropout, const at::Tensor& x,
                    const at::Tensor& y);

}  // namespace routedk::experts
