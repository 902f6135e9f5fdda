/// Logits of whole sequences, for tests.
#pragma once

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

/// Final hidden states [T,D] when adapters(layer, kind, linear, x) computes the linears.
template <typename Adapters>
at::Tensor hidden_with(const model::Backbone& backbone, const model::FlatBatch& batch,
                       const Adapters& adapters) {
  const model::LayerPass pass = backbone.layer_pass(batch);
  at::Tensor hidden = backbone.embed(batch.ids);
  for (std::int64_t i = 0; i < backbone.config().layers; ++i) {
    const auto of_layer = [&](model::Projection projection, const model::Layer& layer, const at::Tensor& x) {
      std::vector<at::Tensor> outputs;
      for (const model::Linear kind : model::linears_of(projection)) {
        outputs.push_back(adapters(i, kind, layer[kind], x));
      }
      return outputs;
    };
    model::TensorEngine engine(backbone.config(), backbone.layers()[static_cast<std::size_t>(i)], i, pass,
                               of_layer);
    hidden = model::decoder_layer(engine, hidden);
  }
  return backbone.final_norm(hidden);
}

/// [T,V] F32, without gradients.
inline at::Tensor logits_of(const model::Backbone& backbone, const Sequences& sequences) {
  const at::NoGradGuard no_grad;
  return backbone.logits(backbone.forward(batch_of(sequences)));
}

/// I64 tensor -> ids
inline std::vector<std::int32_t> ids_of(const at::Tensor& tensor) {
  const at::Tensor ids = tensor.to(at::kInt).contiguous();
  return {ids.const_data_ptr<std::int32_t>(), ids.const_data_ptr<std::int32_t>() + ids.numel()};
}

inline bool is_nf4(const kernels::FrozenLinear& linear) {
  return std::holds_alternative<kernels::Nf4>(linear.weight());
}

inline bool is_ggml(const kernels::Weight& weight) {
  return std::holds_alternative<kernels::GgmlBlocks>(weight);
}

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace routedk::testing
