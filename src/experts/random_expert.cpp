#include "routedk/experts/random_expert.h"

#include "routedk/core/random.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "fill_uniform.h"
#include <ATen/core/grad_mode.h>

namespace routedk::experts {

double delta_norm(const LoraFactors& factors) {
  const at::Tensor a = factors.a.detach().to(at::kDouble);
  const at::Tensor bt = factors.bt.detach().to(at::kDouble);
  // ||B A||^2 = tr(A^T B^T B A) = sum over B^T B * A A^T
  const auto squared = at::mm(bt, bt.t()).mul(at::mm(a, a.t())).sum().item<double>();
  return factors.scale * std::sqrt(std::max(squared, 0.0));
}

Expert random_expert(std::string name, const Expert& trained, const model::LlamaConfig& model,
                     std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  Expert expert(std::move(name), model, trained.plan());
  expert.initialise(seed);
  expert.for_each([&](std::int64_t layer, model::Linear linear, const LoraFactors& f) {
    fill_uniform(f.bt, 1.0,
                 Random(seed, "lora_B",
                        {hash64(expert.name()), static_cast<std::uint64_t>(layer),
                         static_cast<std::uint64_t>(linear)}));
    f.bt.mul_(delta_norm(trained.factors(layer, linear)) / delta_norm(f));
  });
  return expert;
}

}  // namespace routedk::experts
