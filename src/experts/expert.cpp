#include "routedk/experts/expert.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"

#include <algorithm>
#include <cmath>

#include "fill_uniform.h"
#include <ATen/core/grad_mode.h>

namespace routedk::experts {
namespace {

void check(const std::string& name, const LoraSize& size) {
  if (size.rank < 0) {
    throw_<ConfigError>("a rank of expert `{}` must not be negative, but is {} instead", name, size.rank);
  }
  if (size.rank > 0 && !(size.alpha > 0 && std::isfinite(size.alpha))) {
    throw_<ConfigError>("`lora_alpha` of expert `{}` must be a positive number, but is {} instead", name,
                        size.alpha);
  }
}

}  // namespace

LoraPlan::LoraPlan(const model::LlamaConfig& model, const LoraOptions& config)
    : LoraPlan(model, config.rank_stabilised) {
  if (config.rank < 1) {
    throw_<ConfigError>("`rank` must be at least 1, but is {} instead", config.rank);
  }
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    for (const model::Linear linear : config.targets) {
      at(layer, linear) = {config.rank, config.alpha};
    }
  }
}

double LoraPlan::scale(const LoraSize& size) const {
  const auto r = static_cast<double>(size.rank);
  return size.rank == 0 ? 0.0 : size.alpha / (rank_stabilised ? std::sqrt(r) : r);
}

Expert::Expert(std::string name, const model::LlamaConfig& model, LoraPlan plan, at::Device device)
    : name_(std::move(name)), plan_(std::move(plan)), factors_(plan_.sizes.size()) {
  std::vector<std::vector<std::int64_t>> shapes;
  for (std::size_t i = 0; i < plan_.sizes.size(); ++i) {
    const LoraSize& size = plan_.sizes[i];
    check(name_, size);
    if (size.rank > 0) {
      const auto linear = static_cast<model::Linear>(i % static_cast<std::size_t>(model::kLinears));
      const model::LinearShape shape = linear_shape(model, linear);
      shapes.push_back({size.rank, shape.in});
      shapes.push_back({size.rank, shape.out});
    }
  }
  parameters_ = FlatParameters(shapes, device);
  name_factors();
}

/// Assigns the leaves to linears.
void Expert::name_factors() {
  auto leaf = parameters_.leaves().begin();
  for (std::size_t i = 0; i < plan_.sizes.size(); ++i) {
    if (plan_.sizes[i].rank > 0) {
      factors_[i].a = *leaf++;
      factors_[i].bt = *leaf++;
      factors_[i].scale = plan_.scale(plan_.sizes[i]);
    }
  }
}

void Expert::to(at::Device device) {
  parameters_.to(device);
  name_factors();
}

void Expert::initialise(std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  for_each([&](std::int64_t layer, model::Linear linear, const LoraFactors& f) {
    const auto where = {hash64(name_), static_cast<std::uint64_t>(layer), static_cast<std::uint64_t>(linear)};
    fill_uniform(f.a, 1.0 / std::sqrt(static_cast<double>(f.a.size(1))), Random(seed, "lora_A", where));
    f.bt.zero_();
  });
}

at::Tensor dense_delta(const LoraFactors& factors) {
  return factors.a.defined() ? at::mm(factors.bt.detach().t(), factors.a.detach()) * factors.scale
                             : at::Tensor();
}

double delta_product(const LoraFactors& a, const LoraFactors& b) {
  const auto exact = [](const at::Tensor& x) { return x.detach().to(at::kDouble); };
  const at::Tensor by_out = at::mm(exact(a.bt), exact(b.bt).t());  // [r_a,r_b]
  const at::Tensor by_in = at::mm(exact(a.a), exact(b.a).t());     // [r_a,r_b]
  return a.scale * b.scale * (by_out * by_in).sum().item<double>();
}

double delta_norm(const LoraFactors& factors) {
  return std::sqrt(std::max(delta_product(factors, factors), 0.0));
}

}  // namespace routedk::experts
