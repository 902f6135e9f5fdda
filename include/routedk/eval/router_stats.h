/// What the gate did, layer by layer, over a set of inputs.
#pragma once

#include "routedk/eval/answers.h"

#include <cstdint>
#include <span>
#include <vector>

namespace routedk::eval {

/// Entropies in nats; ln K is the uniform mixture. Collapse shows as a low entropy of the mean; a low mean
/// entropy beside a high entropy of the mean is confident, diverse routing.
struct LayerRouting {
  std::vector<double> mean;      // [K] mean weight over inputs
  std::vector<double> variance;  // [K] over inputs
  double entropy_of_mean = 0.0;  ///< H(mean alpha)
  double mean_entropy = 0.0;     ///< mean H(alpha)
  double near_uniform = 0.0;     ///< share of inputs with every weight within 0.02 of 1/K
  double collapsed = 0.0;        ///< share of inputs with one weight above 0.9
};

/// One entry per layer, over the answers that have alpha; empty when none has.
std::vector<LayerRouting> routing_by_layer(std::span<const SessionAnswer> answers);

io::Json to_json(const std::vector<LayerRouting>& layers);

}  // namespace routedk::eval
