/// A term added to the answer loss that controls the spread of a router's weights.
#pragma once

#include "routedk/experts/gate.h"

#include <vector>

#include <ATen/ATen.h>

namespace routedk::train {

struct GatePenalty {
  /// of mean H(alpha) over sequences and layers, nats: positive sharpens the weights, negative flattens them
  double entropy_weight = 0.0;
  /// of ln K - H(mean alpha over sequences), mean over layers: positive keeps all experts in use
  double balance_weight = 0.0;

  bool any() const noexcept { return entropy_weight != 0.0 || balance_weight != 0.0; }
};

/// rows [L] of one micro-batch, whose alphas [S,K] are first divided by their sums. The balance term is
/// computed per micro-batch, so it depends on how a step is packed; the entropy term does not. Differentiable
/// scalar.
at::Tensor gate_penalty(const std::vector<experts::GateRows>& rows, const GatePenalty& penalty);

}  // namespace routedk::train
