/// Decoding on a GPU: steps of up to 64 rows, of fewer where the GPU's shared memory is small, are graphs
/// (kernels/cuda/decode_step.h); longer passes run on tensors. One thread at a time.
#pragma once

#include "routedk/kernels/cuda/decode_step.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine.h"
#include "reference_engine.h"

namespace routedk::decode {

class CudaEngine : public Engine {
 public:
  /// Whether the model is on a GPU in bfloat16, without biases, its shape one that steps are computed for,
  /// and its linears NF4 or small enough to be held decoded.
  static bool fits(const experts::RoutedModel& model);
  /// `model` must fit and live as long.
  explicit CudaEngine(const experts::RoutedModel& model);
  /// Of one step; 0: this GPU's shared memory is too small for any, and the engine is not to be used.
  std::int64_t most_rows() const noexcept { return most_rows_; }

  experts::RoutedOutput forward(const model::FlatBatch& batch, const experts::Gate& gate,
                                std::span<const kernels::CacheRow> rows,
                                kernels::KvCache& cache) const override;
  at::Tensor logits(const at::Tensor& hidden) const override;
  std::int64_t bytes_per_token(bool experts) const override { return step_->bytes(experts); }
  std::string path() const override { return "CUDA graphs, bfloat16"; }

 private:
  using Row = kernels::cuda::DecodeStep::Row;

  /// The rows of a step, or none where the pass is not one.
  std::vector<Row> step_rows(const model::FlatBatch& batch, const experts::Gate& gate,
                             std::span<const kernels::CacheRow> rows) const;
  void run(std::span<const Row> rows, const kernels::KvCache& cache) const;

  const experts::RoutedModel& model_;
  ReferenceEngine reference_;
  std::unique_ptr<kernels::cuda::DecodeStep> step_;
  std::int64_t most_rows_ = 0;
  // of the last step
  mutable at::Tensor first_alpha_;  // [S,K]: the first layer's, by which a gate's rows are known again
  mutable at::Tensor alpha_;        // [L,S,K]
  mutable kernels::cuda::DecodeStep::Output output_;
};

}  // namespace routedk::decode
