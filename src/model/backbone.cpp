#include "routedk/model/backbone.h"

#include "routedk/model/gguf_weights.h"

namespace routedk::model {

Backbone Backbone::load(const std::filesystem::path& path, const LoadOptions& options) {
  const io::GgufFile file = io::GgufFile::open(path);
  Backbone b;
  b.config_ = LlamaConfig::from_gguf(file);
  GgufWeights weights(file, b.config_, options);
  b.embedding_ = weights.matrix("token_embd.weight", b.config_.vocab, b.config_.hidden);
  b.head_ =
      b.config_.tied_head ? b.embedding_ : weights.matrix("output.weight", b.config_.vocab, b.config_.hidden);
  b.norm_ = weights.vector("output_norm.weight", b.config_.hidden);
  b.rotary_ = Rotary(b.config_.head_dim, b.config_.rope_theta);
  for (std::int64_t i = 0; i < b.config_.layers; ++i) {
    b.layers_.push_back(weights.layer(i));
  }
  weights.finish();
  return b;
}

at::Tensor Backbone::forward(const at::Tensor& ids, const at::Tensor& positions, const AttendFn& attend,
                             const AdaptFn& adapt) const {
  const RotaryTables rotary = rotary_.tables(positions, dtype());
  const LayerContext context{config_, rotary, attend};
  at::Tensor hidden = embedding_.index_select(0, ids);  // [T,D]
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    hidden = layer_forward(layers_[i], index, hidden, context, adapt ? adapt(index, hidden) : DeltaFn{});
  }
  return at::rms_norm(hidden, {config_.hidden}, norm_, config_.rms_eps);
}

at::Tensor Backbone::logits(const at::Tensor& hidden) const {
  return at::mm(hidden, head_.t()).to(at::kFloat);
}

std::int64_t Backbone::bytes() const noexcept {
  const auto held = [](const at::Tensor& t) {
    return t.numel() * static_cast<std::int64_t>(t.element_size());
  };
  std::int64_t total = held(embedding_) + held(norm_) + (config_.tied_head ? 0 : held(head_));
  for (const Layer& layer : layers_) {
    total += held(layer.attention_norm) + held(layer.mlp_norm);
    for (const auto& linear : layer.linears) {
      total += linear.bytes();
    }
  }
  return total;
}

}  // namespace routedk::model
