/// Models of random weights with two experts that matter, and what they say when nothing is cached.
#pragma once

#include "routedk/decode/decoder.h"
#include "routedk/experts/router.h"

#include <memory>
#include <vector>

#include "support/wide_llama.h"

namespace routedk::testing {

inline constexpr text::TokenId kEnd = 0;

inline experts::RoutedModel small_model(const model::LlamaConfig& config, bool nf4,
                                        kernels::Precision precision = kernels::Precision::kFloat32) {
  const model::LoadOptions load{nf4 ? model::Quant::kNf4 : model::Quant::kNone, nf4, precision};
  auto backbone = std::make_shared<const model::Backbone>(model::Backbone::random(config, load, 7));
  std::vector<std::shared_ptr<experts::Expert>> bank;
  for (const char* name : {"a", "b"}) {
    bank.push_back(
        std::make_shared<experts::Expert>(name, config, experts::LoraOptions{.rank = 2, .alpha = 4.0}));
    bank.back()->initialise(1);
    const at::NoGradGuard no_grad;
    bank.back()->parameters().values().add_(at::sin(at::arange(bank.back()->parameters().size(), at::kFloat)),
                                            0.3);
  }
  auto frozen = std::make_shared<experts::ExpertBank>(bank);
  frozen->freeze(at::kFloat);
  return {backbone, frozen};
}

/// A router whose weights depend on the prompt.
inline experts::RouterGate router_for(const model::LlamaConfig& config) {
  experts::RouterGate gate(config.layers, config.hidden, 2);
  gate.parameters().values().copy_(at::cos(at::arange(gate.parameters().size(), at::kFloat)).mul_(2.0));
  return gate;
}

inline decode::GenerateOptions generate_options(std::int64_t samples, double temperature,
                                                std::int64_t longest = 12) {
  return {.samples = samples,
          .sampling = {.temperature = temperature},
          .max_new_tokens = longest,
          .end_of_turn = kEnd,
          .seed = 5};
}

/// Logits [V] of the last of prompt + suffix tokens, all recomputed, under the alpha of the prompt alone.
inline at::Tensor recomputed_logits(const experts::RoutedModel& model, const experts::Gate& gate,
                                    const std::vector<std::int32_t>& prompt,
                                    const std::vector<std::int32_t>& suffix) {
  std::vector<std::int32_t> all = prompt;
  all.insert(all.end(), suffix.begin(), suffix.end());
  const auto batch = model::FlatBatch::make({all}, {static_cast<std::int64_t>(prompt.size())});
  const at::Tensor hidden = model.forward({batch, gate}).hidden;
  return model.backbone().logits(hidden.narrow(0, hidden.size(0) - 1, 1))[0];
}

}  // namespace routedk::testing
