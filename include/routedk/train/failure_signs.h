/// What a training's figures say when it goes wrong, in words for the log.
#pragma once

#include "routedk/experts/gate_stats.h"

#include <optional>
#include <string>
#include <vector>

namespace routedk::train {

/// Signs in a router's weights: one expert takes nearly everything whatever the input, in most layers
/// (entropy of the mean weight below a tenth of ln K), or the weights are still uniform for every input in
/// most layers. Empty for no layers and for a bank of one.
std::vector<std::string> routing_signs(const std::vector<experts::LayerRouting>& layers);

/// The validation loss stands more than 5 % above its best: the group learns its examples by heart.
std::optional<std::string> overfit_sign(double validation_loss, double best, double training_loss);

}  // namespace routedk::train
