#include "routedk/experts/gate_stats.h"

namespace routedk::experts {
namespace {

std::vector<double> numbers(const at::Tensor& tensor) {  // [K] F64
  const at::Tensor contiguous = tensor.contiguous();
  const auto values = contiguous.accessor<double, 1>();
  return {values.data(), values.data() + values.size(0)};
}

/// The share of rows that are true.
double share(const at::Tensor& rows) {
  return rows.to(at::kDouble).mean().item<double>();
}

}  // namespace

at::Tensor entropy_of(const at::Tensor& weights) {
  return -(weights * at::log(at::clamp_min(weights, 1e-30))).sum(-1);
}

LayerRouting routing_of(const at::Tensor& alpha) {
  const at::Tensor exact = alpha.detach().to(at::kCPU, at::kDouble);  // [N,K]
  const at::Tensor mean = exact.mean(0);                              // [K]
  const double uniform = 1.0 / static_cast<double>(exact.size(1));
  LayerRouting layer;
  layer.mean = numbers(mean);
  layer.variance = numbers((exact - mean).square().mean(0));
  layer.entropy_of_mean = entropy_of(mean).item<double>();
  layer.mean_entropy = entropy_of(exact).mean().item<double>();
  layer.near_uniform = share(((exact - uniform).abs() <= 0.02).all(-1));
  layer.collapsed = share((exact > 0.9).any(-1));
  return layer;
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

}  // namespace routedk::experts
