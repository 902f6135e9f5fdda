/// Signs of failure in a training's metrics, as text for the log.
#pragma once

#include "routedk/experts/gate_stats.h"

#include <optional>
#include <string>
#include <vector>

namespace routedk::train {

/// Signs in a router's weights: in most layers one expert takes nearly everything for every input (entropy of
/// the mean weight below a tenth of ln K), or the weights are still uniform for every input. Empty for no
/// layers and for a single expert.
std::vector<std::string> routing_signs(const std::vector<experts::LayerRouting>& layers);

/// The validation loss is more than 5 % above its best: the group memorises its examples.
std::optional<std::string> overfit_sign(double validation_loss, double best, double training_loss);

}  // namespace routedk::train
