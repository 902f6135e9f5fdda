#include "routedk/experts/router.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"

#include "fill_uniform.h"
#include <ATen/core/grad_mode.h>

namespace routedk::experts {
namespace {

constexpr double kPoolEps = 1e-6;

std::vector<std::vector<std::int64_t>> router_shapes(std::int64_t layers, std::int64_t hidden,
                                                     std::int64_t experts, const RouterOptions& options) {
  std::vector<std::vector<std::int64_t>> shapes;
  for (std::int64_t layer = 0; layer < (options.is_global() ? 1 : layers); ++layer) {
    if (!options.is_static()) {
      shapes.push_back({experts, hidden});
    }
    shapes.push_back({experts});
  }
  return shapes;
}

/// x [T,D] -> x / rms(x), row by row, in fp32.
at::Tensor unit_rms(const at::Tensor& x) {
  const at::Tensor exact = x.to(at::kFloat);
  return exact * at::rsqrt(exact.square().mean(-1, true) + kPoolEps);
}

/// Zero except for the `count` largest alphas of each row, which sum to 1 again.
at::Tensor largest(const at::Tensor& alpha, std::int64_t count) {
  const auto order = std::get<1>(at::sort(alpha.detach(), /*stable=*/true, /*dim=*/-1, /*descending=*/true));
  const at::Tensor mask = at::zeros_like(alpha.detach()).scatter_(-1, order.narrow(-1, 0, count), 1.0);
  const at::Tensor kept = alpha * mask;
  return kept / kept.sum(-1, true);
}

/// Zero where alpha is below `threshold`, except for each row's largest; the others sum to 1 again.
at::Tensor above(const at::Tensor& alpha, double threshold) {
  const at::Tensor values = alpha.detach();
  const at::Tensor limit = values.amax(-1, true).clamp_max(threshold);  // [S,1]
  const at::Tensor kept = alpha * values.ge(limit);
  return kept / kept.sum(-1, true);
}

}  // namespace

at::Tensor pool_prompts(const at::Tensor& hidden, const model::FlatBatch& batch, bool rms) {
  std::vector<at::Tensor> pooled;
  for (std::int64_t s = 0; s < batch.sequences(); ++s) {
    const auto i = static_cast<std::size_t>(s);
    const at::Tensor prompt = hidden.narrow(0, batch.cu_seqlens[i], batch.prompt_len[i]);  // [t,D]
    pooled.push_back((rms ? unit_rms(prompt) : prompt).mean(0, false, at::kFloat));        // [D]
  }
  return at::stack(pooled, 0);  // [S,D]
}

RouterGate::RouterGate(std::int64_t layers, std::int64_t hidden, std::int64_t experts,
                       const RouterOptions& options, at::Device device)
    : layers_(layers),
      hidden_(hidden),
      options_(options),
      parameters_(router_shapes(layers, hidden, experts, options), device) {
  if (!(options.temperature > 0.0)) {
    throw_<ConfigError>("`temperature` of a router must be positive, but is {} instead", options.temperature);
  }
  if (options.top_k < 0 || options.top_k > experts) {
    throw_<ConfigError>("`top_k` of a router must be from 0 to its {} experts, but is {} instead", experts,
                        options.top_k);
  }
  if (!(options.threshold >= 0.0 && options.threshold <= 1.0)) {
    throw_<ConfigError>("`threshold` of a router must be from 0 to 1, but is {} instead", options.threshold);
  }
  if (options.is_static() && options.pool_norm == PoolNorm::kRms) {
    throw_<ConfigError>(
        "a static gate must have no `pool_norm`, since it pools nothing, but has rms instead");
  }
}

RouterGate RouterGate::sparse(std::int64_t top_k, double threshold) const {
  RouterOptions options = options_;
  options.top_k = top_k;
  options.threshold = threshold;
  RouterGate gate(layers_, hidden_, bias(0).size(0), options, parameters_.values().device());
  gate.parameters_.values().copy_(parameters_.values());
  return gate;
}

RouterGate RouterGate::with_random_weights(std::uint64_t seed) const {
  if (options_.is_static()) {
    throw_<ConfigError>("a router must be dynamic to get random weights, but is static");
  }
  RouterGate gate = sparse(options_.top_k, options_.threshold);
  const at::NoGradGuard no_grad;
  for (std::int64_t layer = 0; layer < (options_.is_global() ? 1 : layers_); ++layer) {
    const at::Tensor random = at::empty(weight(layer).sizes(), at::kFloat);
    fill_uniform(random, 1.0, Random(seed, "random_router", {static_cast<std::uint64_t>(layer)}));
    gate.weight(layer).copy_(random * (weight(layer).norm().item<float>() / random.norm().item<float>()));
  }
  return gate;
}

at::Tensor RouterGate::alpha(const at::Tensor& logits) const {
  at::Tensor alpha = at::softmax(logits / options_.temperature, -1);
  if (options_.top_k > 0) {
    alpha = largest(alpha, options_.top_k);
  }
  if (options_.threshold > 0.0) {
    alpha = above(alpha, options_.threshold);
  }
  return options_.scale == AlphaScale::kKSoftmax ? alpha * static_cast<double>(logits.size(-1)) : alpha;
}

at::Tensor RouterGate::logits(std::int64_t layer, const at::Tensor& hidden,
                              const model::FlatBatch& batch) const {
  if (options_.is_static()) {
    return bias(layer).to(hidden.device()).expand({batch.sequences(), -1});
  }
  const at::Tensor pooled = pool_prompts(hidden, batch, options_.pool_norm == PoolNorm::kRms);  // [S,D]
  return at::addmm(bias(layer).to(pooled.device()), pooled, weight(layer).to(pooled.device()).t());
}

GateRows RouterGate::rows(std::int64_t layer, const at::Tensor& hidden, const model::FlatBatch& batch) const {
  return {alpha(logits(layer, hidden, batch)), {}};
}

}  // namespace routedk::experts
