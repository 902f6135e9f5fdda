/// Causal attention in fp32: products of the tiles of quant/cpu, of each block of queries with the keys that
/// it sees and no others. What a sequence computes does not depend on those beside it or on the threads.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::model::cpu {

struct AttentionInputs {
  at::Tensor q;                      // [T,H,C] F32 contiguous, as the others
  at::Tensor k;                      // [T,G,C]
  at::Tensor v;                      // [T,G,C]
  std::vector<std::int64_t> bounds;  // [S+1]: sequence s is tokens bounds[s] .. bounds[s+1]
};

struct AttentionOutput {
  at::Tensor seen;      // [T,H,C]
  at::Tensor log_sums;  // [T,H]: log of the sum of e^score over what the query sees
};

struct AttentionGradients {
  at::Tensor q;  // [T,H,C]
  at::Tensor k;  // [T,G,C]
  at::Tensor v;  // [T,G,C]
};

/// Scores are scaled by 1/sqrt(C).
AttentionOutput attend(const AttentionInputs& inputs);
/// dseen [T,H,C] contiguous. Scores are computed again (arXiv 2205.14135).
AttentionGradients attend_backward(const AttentionInputs& inputs, const AttentionOutput& output,
                                   const at::Tensor& dseen);

}  // namespace routedk::model::cpu
