/// Decoding computed as in training: on tensors, in the backbone's type.
#pragma once

#include "engine.h"

namespace routedk::decode {

class ReferenceEngine : public Engine {
 public:
  explicit ReferenceEngine(const experts::RoutedModel& model) : model_(model) {}

  experts::RoutedOutput forward(const model::FlatBatch& batch, const experts::Gate& gate,
                                std::span<const kernels::CacheRow> rows,
                                kernels::KvCache& cache) const override;
  at::Tensor logits(const at::Tensor& hidden) const override;
  std::int64_t bytes_per_token(bool experts) const override;
  std::string path() const override;

 private:
  const experts::RoutedModel& model_;
};

}  // namespace routedk::decode
