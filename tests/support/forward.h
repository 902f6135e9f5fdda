/// Logits of whole sequences, for tests.
#pragma once

#include "routedk/kernels/attention.h"
#include "routedk/model/backbone.h"

#include <vector>

namespace routedk::testing {

using Sequences = std::vector<std::vector<std::int32_t>>;

/// A batch whose prompts are whole sequences.
inline model::FlatBatch batch_of(const Sequences& sequences) {
  std::vector<std::int64_t> lengths;
  for (const auto& sequence : sequences) {
    lengths.push_back(static_cast<std::int64_t>(sequence.size()));
  }
  return model::FlatBatch::make(sequences, lengths);
}

/// [T,V] F32, without gradients.
inline at::Tensor logits_of(const model::Backbone& backbone, const Sequences& sequences,
                            const model::RunFn& run = {}) {
  const at::NoGradGuard no_grad;
  const model::FlatBatch batch = batch_of(sequences);
  return backbone.logits(backbone.forward(batch.ids, batch.positions, model::causal_attention(batch), run));
}

/// I64 tensor -> ids
inline std::vector<std::int32_t> ids_of(const at::Tensor& tensor) {
  const at::Tensor ids = tensor.to(at::kInt).contiguous();
  return {ids.const_data_ptr<std::int32_t>(), ids.const_data_ptr<std::int32_t>() + ids.numel()};
}

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace routedk::testing
