/// Backbone + expert bank + gate = one forward pass, the same for every gate (ARCHITECTURE.md, "Gate rows").
#pragma once

#include "routedk/experts/bank.h"
#include "routedk/experts/gate.h"
#include "routedk/model/backbone.h"

#include <memory>
#include <span>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::experts {

struct RoutedOutput {
  at::Tensor hidden;           // [T,D], after the final norm; [A,D] if only some rows were kept
  std::vector<GateRows> rows;  // [L]
};

/// The options of one pass.
struct RoutedPass {
  const model::FlatBatch& batch;
  const Gate& gate;
  const TrainingDropout* dropout = nullptr;
  /// For backward, keep only each layer's input and run the layer again there. Batch and dropout must live
  /// until backward is over.
  bool recompute = false;
  /// The rows of `batch` that continue after the last layer's attention; nullptr: all. Same lifetime.
  const model::BatchPart* keep = nullptr;
  /// In fp32, a row's deltas depend only on that row, bit for bit; not with gradients or dropout.
  bool batch_invariant = false;
  /// Keys and values of earlier tokens, and the rows in it of the batch's tokens [T]; null: tokens see those
  /// of their sequence in the batch.
  kernels::KvCache* cache = nullptr;
  std::span<const kernels::CacheRow> cache_rows = {};
};

class RoutedModel {
 public:
  RoutedModel(std::shared_ptr<const model::Backbone> backbone, std::shared_ptr<ExpertBank> bank)
      : backbone_(std::move(backbone)), bank_(std::move(bank)) {}

  /// The gate sees each layer's input; its rows weight that layer's deltas.
  RoutedOutput forward(const RoutedPass& pass) const;

  /// The same backbone with other experts.
  RoutedModel with_bank(std::shared_ptr<ExpertBank> bank) const { return {backbone_, std::move(bank)}; }

  const model::Backbone& backbone() const noexcept { return *backbone_; }
  ExpertBank& bank() noexcept { return *bank_; }
  const ExpertBank& bank() const noexcept { return *bank_; }

 private:
  std::shared_ptr<const model::Backbone> backbone_;
  std::shared_ptr<ExpertBank> bank_;
};

/// Only the backbone: one expert that adapts nothing, for SingleExpertGate(-1, 1).
RoutedModel without_experts(std::shared_ptr<const model::Backbone> backbone);

}  // namespace routedk::experts
