#include "routedk/experts/random_expert.h"

#include "routedk/core/random.h"

#include <utility>

#include "fill_uniform.h"
#include <ATen/core/grad_mode.h>

namespace routedk::experts {

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
