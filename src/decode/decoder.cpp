#include "routedk/decode/decoder.h"

#include <utility>

#include "engine.h"

namespace routedk::decode {

Decoder::Decoder(const experts::RoutedModel& model, Kernels kernels)
    : model_(model), engine_(make_engine(model, kernels)) {}

Decoder::~Decoder() = default;

std::string Decoder::path() const {
  return engine_->path();
}

bool Decoder::any_threads() const {
  return engine_->any_threads();
}

std::int64_t Decoder::bytes_per_token(bool experts) const {
  return engine_->bytes_per_token(experts);
}

kernels::KvCache Decoder::make_cache(std::vector<std::int64_t> prompt_lengths) const {
  const model::LlamaConfig& config = model_.backbone().config();
  return {{config.layers, config.heads, config.kv_heads, config.head_dim},
          std::move(prompt_lengths),
          model_.backbone().device(),
          model_.backbone().operand_type()};
}

experts::RoutedOutput Decoder::forward(const model::FlatBatch& batch, const experts::Gate& gate,
                                       std::span<const kernels::CacheRow> rows,
                                       kernels::KvCache& cache) const {
  return engine_->forward(batch, gate, rows, cache);
}

at::Tensor Decoder::logits(const at::Tensor& hidden) const {
  return engine_->logits(hidden);
}

}  // namespace routedk::decode
