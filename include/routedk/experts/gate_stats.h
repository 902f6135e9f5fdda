/// Statistics of a gate's weights over a set of inputs.
#pragma once

#include "routedk/io/jsonl.h"

#include <vector>

#include <ATen/ATen.h>

namespace routedk::experts {

/// Of one layer. Entropies are in nats; ln K is the uniform mixture. A low entropy of the mean indicates
/// collapse; a low mean entropy with a high entropy of the mean is confident, diverse routing.
struct LayerRouting {
  std::vector<double> mean;      // [K] mean weight over inputs
  std::vector<double> variance;  // [K] over inputs
  double entropy_of_mean = 0.0;  ///< H(mean alpha)
  double mean_entropy = 0.0;     ///< mean H(alpha)
  double near_uniform = 0.0;     ///< share of inputs with every weight within 0.02 of 1/K
  double collapsed = 0.0;        ///< share of inputs with one weight above 0.9
};

/// alpha [N,K], N >= 1.
LayerRouting routing_of(const at::Tensor& alpha);

/// One object per layer, with one member per value.
io::Json to_json(const std::vector<LayerRouting>& layers);

/// -sum_i a_i log a_i of each row, 0 log 0 = 0: weights [N,K] -> [N]. Differentiable.
at::Tensor entropy_of(const at::Tensor& weights);

}  // namespace routedk::experts
