/// Decoding on a GPU: steps of up to 64 rows, fewer if the GPU's shared memory is small, are graphs
/// (kernels/cuda/decode_step.h); longer passes run on tensors. Not thread-safe.
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
  /// Whether the model is on a GPU in bfloat16, without biases and with a supported shape, and its linears
  /// are NF4 or small enough to be held decoded.
  static bool fits(const experts::RoutedModel& model);
  /// `model` must fit and outlive the engine.
  explicit CudaEngine(const experts::RoutedModel& model);
  /// Per step; 0: this GPU's shared memory is too small, and the engine must not be used.
  std::int64_t most_rows() const noexcept { return most_rows_; }

  experts::RoutedOutput forward(const model::FlatBatch& batch, const experts::Gate& gate,
                                std::span<const kernels::CacheRow> rows,
                                kernels::KvCache& cache) const override;
  at::Tensor logits(const at::Tensor& hidden) const override;
  std::int64_t bytes_per_token(bool experts) const override { return step_->bytes(experts); }
  std::string path() const override { return "CUDA graphs, bfloat16"; }

 private:
  using Row = kernels::cuda::DecodeStep::Row;

  /// The rows of a step; empty if the pass is not a step.
  std::vector<Row> step_rows(const model::FlatBatch& batch, const experts::Gate& gate,
                             std::span<const kernels::CacheRow> rows) const;
  void run(std::span<const Row> rows, const kernels::KvCache& cache) const;

  const experts::RoutedModel& model_;
  ReferenceEngine reference_;
  std::unique_ptr<kernels::cuda::DecodeStep> step_;
  std::int64_t most_rows_ = 0;
  // of the last step
  mutable at::Tensor first_alpha_;  // [S,K]: the first layer's, which identifies a gate's rows
  mutable at::Tensor alpha_;        // [L,S,K]
  mutable kernels::cuda::DecodeStep::Output output_;
};

}  // namespace routedk::decode
