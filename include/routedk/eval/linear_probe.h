/// What a linear model can read from a router's input.
#pragma once

#include "routedk/experts/gate.h"

#include <vector>

#include <ATen/ATen.h>

namespace routedk::eval {

/// Wraps a gate and records what it pools in each pass, layer by layer.
class PoolRecorder : public experts::Gate {
 public:
  /// `rms`: as the router's pool_norm. The gate must outlive this object.
  PoolRecorder(const experts::Gate& gate, bool rms) : gate_(gate), rms_(rms) {}
  experts::GateRows rows(std::int64_t layer, const at::Tensor& hidden,
                         const model::FlatBatch& batch) const override;
  /// [L] of z [S,D] F32, the sequences of all passes concatenated.
  std::vector<at::Tensor> pooled() const;

 private:
  const experts::Gate& gate_;
  bool rms_;
  mutable std::vector<std::vector<at::Tensor>> layers_;  // [L][passes]
};

/// The share of the variance of y [S] that a ridge regression on z [S,D] predicts on unseen sessions,
/// cross-validated over `folds` folds, to which sessions are assigned in turn: 1 - sum of squared errors /
/// that of the training sessions' mean; at most 1, below 0 if the mean predicts better. z is standardised and
/// the ridge is D, so that each of the D directions counts 1/D. 0 if y does not vary or there are fewer
/// sessions than folds.
double probe_r2(const at::Tensor& z, const at::Tensor& y, int folds = 10);

}  // namespace routedk::eval
