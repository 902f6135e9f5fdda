#include "routedk/eval/router_stats.h"

#include <algorithm>

#include <ATen/ATen.h>

namespace routedk::eval {

at::Tensor alpha_tensor(const SessionAnswer& answer) {
  std::vector<at::Tensor> layers;
  std::transform(answer.alpha.begin(), answer.alpha.end(), std::back_inserter(layers),
                 [](const std::vector<float>& layer) { return at::tensor(layer); });
  return at::stack(layers, 0);
}

std::vector<LayerRouting> routing_by_layer(std::span<const SessionAnswer> answers) {
  std::vector<std::vector<at::Tensor>> by_layer;  // [L][inputs] of [K]
  for (const SessionAnswer& answer : answers) {
    by_layer.resize(std::max(by_layer.size(), answer.alpha.size()));
    for (std::size_t layer = 0; layer < answer.alpha.size(); ++layer) {
      by_layer[layer].push_back(at::tensor(answer.alpha[layer]));
    }
  }
  std::vector<LayerRouting> layers;
  std::transform(by_layer.begin(), by_layer.end(), std::back_inserter(layers),
                 [](const auto& alphas) { return experts::routing_of(at::stack(alphas)); });
  return layers;
}

}  // namespace routedk::eval
