/// The dynamic gate (RouteDK, arXiv 2508.17250): alpha^l = softmax(W_l AvgPool(H^{l-1}) + b_l).
#pragma once

#include "routedk/experts/flat_parameters.h"
#include "routedk/experts/gate.h"

#include <cstdint>

namespace routedk::experts {

class RouterGate : public Gate {
 public:
  /// W and b start at zero: the uniform mixture.
  RouterGate(std::int64_t layers, std::int64_t hidden, std::int64_t experts);

  /// Pools over each sequence's prompt tokens in fp32; gradients flow through the pool.
  GateRows rows(std::int64_t layer, const at::Tensor& hidden, const model::FlatBatch& batch) const override;

  const at::Tensor& weight(std::int64_t layer) const { return parameters_.leaves()[index(layer)]; }  // [K,D]
  const at::Tensor& bias(std::int64_t layer) const { return parameters_.leaves()[index(layer) + 1]; }  // [K]
  std::int64_t layers() const noexcept { return static_cast<std::int64_t>(parameters_.leaves().size()) / 2; }
  FlatParameters& parameters() noexcept { return parameters_; }
  const FlatParameters& parameters() const noexcept { return parameters_; }

 private:
  static std::size_t index(std::int64_t layer) noexcept { return static_cast<std::size_t>(2 * layer); }
  FlatParameters parameters_;
};

/// Mean of each sequence's first prompt_len rows: hidden [T,D] -> [S,D] F32.
at::Tensor pool_prompts(const at::Tensor& hidden, const model::FlatBatch& batch);

}  // namespace routedk::experts
