/// Causal attention straight from the formula, in the type of its inputs: double, for gradient checks by
/// finite differences, or float32 on a GPU.
#pragma once

#include "devices.h"

namespace routedk::kernels {

AttentionOutput exact_attention(const AttentionInput& input);
AttentionGradients exact_attention_backward(const AttentionInput& input, const AttentionOutput& output,
                                            const at::Tensor& dout);

}  // namespace routedk::kernels
