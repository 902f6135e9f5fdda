/// What a router's input holds in a form that a linear router can read.
#pragma once

#include "routedk/experts/gate.h"

#include <vector>

#include <ATen/ATen.h>

namespace routedk::eval {

/// Another gate, which also keeps what it pools of each pass, layer by layer.
class PoolRecorder : public experts::Gate {
 public:
  /// `rms`: as the router's pool_norm has it. The gate must outlive this one.
  PoolRecorder(const experts::Gate& gate, bool rms) : gate_(gate), rms_(rms) {}
  experts::GateRows rows(std::int64_t layer, const at::Tensor& hidden,
                         const model::FlatBatch& batch) const override;
  /// [L] of z [S,D] F32, the sequences of all passes one after another.
  std::vector<at::Tensor> pooled() const;

 private:
  const experts::Gate& gate_;
  bool rms_;
  mutable std::vector<std::vector<at::Tensor>> layers_;  // [L][passes]
};

/// Share of the variance of y [S] that a ridge regression on z [S,D] foretells of sessions it has not seen,
/// cross-validated over `folds` folds, which take the sessions in turn: 1 - sum of squared errors / that of
/// the seen sessions' mean; at most 1, below 0 where the mean foretells better. z is standardised, the ridge
/// is D, so that each of the D directions counts 1/D. 0 where y does not vary or there are fewer sessions
/// than folds.
double probe_r2(const at::Tensor& z, const at::Tensor& y, int folds = 10);

}  // namespace routedk::eval
