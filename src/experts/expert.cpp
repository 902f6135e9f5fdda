#include "routedk/experts/expert.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"

#include <cmath>

#include <ATen/core/grad_mode.h>

namespace routedk::experts {
namespace {

void fill_uniform(const at::Tensor& tensor, double bound, Random random) {
  auto* values = tensor.data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    values[i] = static_cast<float>((2.0 * random.uniform() - 1.0) * bound);
  }
}

}  // namespace

double LoraConfig::scale() const {
  const auto r = static_cast<double>(rank);
  return alpha / (rank_stabilised ? std::sqrt(r) : r);
}

Expert::Expert(std::string name, const model::LlamaConfig& model, LoraConfig config)
    : name_(std::move(name)),
      config_(std::move(config)),
      factors_(static_cast<std::size_t>(model.layers * model::kLinears)) {
  if (config_.rank < 1) {
    throw_<ConfigError>("`rank` of expert `{}` must be at least 1, but is {} instead", name_, config_.rank);
  }
  if (!(config_.alpha > 0)) {
    throw_<ConfigError>("`lora_alpha` of expert `{}` must be positive, but is {} instead", name_,
                        config_.alpha);
  }
  std::vector<std::vector<std::int64_t>> shapes;
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    for (const model::Linear linear : config_.targets) {
      const model::LinearShape shape = linear_shape(model, linear);
      shapes.push_back({config_.rank, shape.in});
      shapes.push_back({config_.rank, shape.out});
    }
  }
  parameters_ = FlatParameters(shapes);
  auto leaf = parameters_.leaves().begin();
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    for (const model::Linear linear : config_.targets) {
      LoraFactors& f =
          factors_[static_cast<std::size_t>(layer * model::kLinears + static_cast<std::int64_t>(linear))];
      f.a = *leaf++;
      f.bt = *leaf++;
    }
  }
}

void Expert::initialise(std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  for (std::int64_t layer = 0; layer < layers(); ++layer) {
    for (const model::Linear linear : config_.targets) {
      const LoraFactors& f = factors(layer, linear);
      const auto where = {hash64(name_), static_cast<std::uint64_t>(layer),
                          static_cast<std::uint64_t>(linear)};
      fill_uniform(f.a, 1.0 / std::sqrt(static_cast<double>(f.a.size(1))), Random(seed, "lora_A", where));
      f.bt.zero_();
    }
  }
}

}  // namespace routedk::experts
