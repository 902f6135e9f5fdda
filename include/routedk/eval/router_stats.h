/// Statistics of the gate's weights, layer by layer, over a set of inputs.
#pragma once

#include "routedk/eval/answers.h"
#include "routedk/experts/gate_stats.h"

#include <span>
#include <vector>

namespace routedk::eval {

using experts::LayerRouting;

/// An answer's alpha as a tensor [L,K] F32.
at::Tensor alpha_tensor(const SessionAnswer& answer);

/// One entry per layer, over the answers that have alpha; empty if none has.
std::vector<LayerRouting> routing_by_layer(std::span<const SessionAnswer> answers);

}  // namespace routedk::eval
