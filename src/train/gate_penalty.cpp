#include "routedk/train/gate_penalty.h"

#include "routedk/experts/gate_stats.h"

#include <cmath>

namespace routedk::train {

at::Tensor gate_penalty(const std::vector<experts::GateRows>& rows, const GatePenalty& penalty) {
  std::vector<at::Tensor> layers;
  layers.reserve(rows.size());
  for (const experts::GateRows& layer : rows) {
    layers.push_back(layer.alpha / layer.alpha.sum(-1, true));
  }
  const at::Tensor alpha = at::stack(layers);                            // [L,S,K]
  const at::Tensor entropy = experts::entropy_of(alpha).mean();          // []
  const at::Tensor of_mean = experts::entropy_of(alpha.mean(1)).mean();  // []
  const double uniform = std::log(static_cast<double>(alpha.size(2)));
  return penalty.entropy_weight * entropy + penalty.balance_weight * (uniform - of_mean);
}

}  // namespace routedk::train
