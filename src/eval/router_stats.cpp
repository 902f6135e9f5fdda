#include "routedk/eval/router_stats.h"

#include <algorithm>
#include <cmath>

namespace routedk::eval {
namespace {

template <typename Values>
double entropy(const Values& weights) {
  double sum = 0.0;
  for (const auto weight : weights) {
    sum -= weight > 0 ? static_cast<double>(weight) * std::log(static_cast<double>(weight)) : 0.0;
  }
  return sum;
}

bool near_uniform(const std::vector<float>& alpha) {
  const float uniform = 1.0F / static_cast<float>(alpha.size());
  return std::all_of(alpha.begin(), alpha.end(), [&](float a) { return std::abs(a - uniform) <= 0.02F; });
}

bool collapsed(const std::vector<float>& alpha) {
  return std::any_of(alpha.begin(), alpha.end(), [](float a) { return a > 0.9F; });
}

/// alphas: one [K] per input.
LayerRouting summarise(const std::vector<const std::vector<float>*>& alphas) {
  const auto inputs = static_cast<double>(alphas.size());
  LayerRouting layer;
  layer.mean.resize(alphas.front()->size());
  layer.variance.resize(layer.mean.size());
  for (const auto* alpha : alphas) {
    layer.mean_entropy += entropy(*alpha) / inputs;
    layer.near_uniform += near_uniform(*alpha) ? 1.0 / inputs : 0.0;
    layer.collapsed += collapsed(*alpha) ? 1.0 / inputs : 0.0;
    for (std::size_t k = 0; k < layer.mean.size(); ++k) {
      layer.mean[k] += (*alpha)[k] / inputs;
    }
  }
  for (const auto* alpha : alphas) {
    for (std::size_t k = 0; k < layer.mean.size(); ++k) {
      layer.variance[k] += std::pow((*alpha)[k] - layer.mean[k], 2) / inputs;
    }
  }
  layer.entropy_of_mean = entropy(layer.mean);
  return layer;
}

}  // namespace

std::vector<LayerRouting> routing_by_layer(std::span<const SessionAnswer> answers) {
  std::vector<std::vector<const std::vector<float>*>> by_layer;  // [L][inputs]
  for (const SessionAnswer& answer : answers) {
    by_layer.resize(std::max(by_layer.size(), answer.alpha.size()));
    for (std::size_t layer = 0; layer < answer.alpha.size(); ++layer) {
      by_layer[layer].push_back(&answer.alpha[layer]);
    }
  }
  std::vector<LayerRouting> layers;
  std::transform(by_layer.begin(), by_layer.end(), std::back_inserter(layers), summarise);
  return layers;
}

io::Json to_json(const std::vector<LayerRouting>& layers) {
  io::Json json = io::Json::array();
  for (const LayerRouting& layer : layers) {
    json.push_back({{"mean", layer.mean},
                    {"variance", layer.variance},
                    {"entropy_of_mean", layer.entropy_of_mean},
                    {"mean_entropy", layer.mean_entropy},
                    {"near_uniform", layer.near_uniform},
                    {"collapsed", layer.collapsed}});
  }
  return json;
}

}  // namespace routedk::eval
