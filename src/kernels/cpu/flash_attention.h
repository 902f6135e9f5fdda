/// Causal attention by LibTorch, one sequence after another, for every type.
#pragma once

#include "../devices.h"

namespace routedk::kernels::cpu {

AttentionOutput flash_attention(const AttentionInput& input);
AttentionGradients flash_attention_backward(const AttentionInput& input, const AttentionOutput& output,
                                            const at::Tensor& dout);

}  // namespace routedk::kernels::cpu
