/// Decoding in 8-bit integers on the CPU: a layer is one parallel region of a team of threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "engine.h"
#include "int8_model.h"

namespace routedk::decode {

class Int8Engine : public Engine {
 public:
  /// `model` must fit (Int8Model::fits) and outlive the engine.
  explicit Int8Engine(const experts::RoutedModel& model) : model_(model) {}

  experts::RoutedOutput forward(const model::FlatBatch& batch, const experts::Gate& gate,
                                std::span<const kernels::CacheRow> rows,
                                kernels::KvCache& cache) const override;
  at::Tensor logits(const at::Tensor& hidden) const override { return model_.logits(hidden); }
  std::int64_t bytes_per_token(bool experts) const override { return model_.bytes(experts); }
  std::string path() const override;
  bool any_threads() const override { return true; }

 private:
  Int8Model model_;
};

}  // namespace routedk::decode
