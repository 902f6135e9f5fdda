#include "reference_engine.h"

namespace routedk::decode {

experts::RoutedOutput ReferenceEngine::forward(const model::FlatBatch& batch, const experts::Gate& gate,
                                               std::span<const kernels::CacheRow> rows,
                                               kernels::KvCache& cache) const {
  const model::FlatBatch on_device = batch.to(model_.backbone().device());
  experts::RoutedPass pass{on_device, gate};
  pass.batch_invariant = true;
  pass.cache = &cache;
  pass.cache_rows = rows;
  return model_.forward(pass);
}

at::Tensor ReferenceEngine::logits(const at::Tensor& hidden) const {
  return model_.backbone().logits(hidden);
}

std::int64_t ReferenceEngine::bytes_per_token(bool experts) const {
  const model::Backbone& backbone = model_.backbone();
  std::int64_t total = backbone.bytes();
  if (!backbone.config().tied_head) {
    total -= kernels::bytes(backbone.embedding());
  }
  for (std::int64_t i = 0; experts && i < model_.bank().size(); ++i) {
    total += static_cast<std::int64_t>(model_.bank()[i].parameters().values().nbytes());
  }
  return total;
}

std::string ReferenceEngine::path() const {
  return std::string(name_of(model_.backbone().precision()));
}

}  // namespace routedk::decode
