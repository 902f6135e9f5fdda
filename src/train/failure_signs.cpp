#include "routedk/train/failure_signs.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace routedk::train {

std::vector<std::string> routing_signs(const std::vector<experts::LayerRouting>& layers) {
  std::vector<std::string> signs;
  if (layers.empty() || layers.front().mean.size() < 2) {
    return signs;
  }
  const double uniform = std::log(static_cast<double>(layers.front().mean.size()));
  const auto collapsed = std::count_if(layers.begin(), layers.end(), [&](const experts::LayerRouting& layer) {
    return layer.entropy_of_mean < 0.1 * uniform;
  });
  const auto flat = std::count_if(layers.begin(), layers.end(),
                                  [](const auto& layer) { return layer.near_uniform == 1.0; });
  const auto most = static_cast<std::ptrdiff_t>(layers.size() / 2);
  if (collapsed > most) {
    signs.push_back(
        fmt::format("collapse: one expert has nearly all weight for every input in {} of {} layers",
                    collapsed, layers.size()));
  }
  if (flat > most) {
    signs.push_back(
        fmt::format("no routing: every input has weights within 0.02 of uniform in {} of {} layers", flat,
                    layers.size()));
  }
  return signs;
}

std::optional<std::string> overfit_sign(double validation_loss, double best, double training_loss) {
  if (validation_loss <= 1.05 * best) {
    return std::nullopt;
  }
  return fmt::format(
      "overfitting: the validation loss is {:.4f}, its best was {:.4f}, the training loss is {:.4f}",
      validation_loss, best, training_loss);
}

}  // namespace routedk::train
