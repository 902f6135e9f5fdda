/// Small experts with factors of their own, for the tests of this layer.
#pragma once

#include "routedk/experts/bank.h"

#include <memory>
#include <string>
#include <vector>

#include "support/tiny_llama.h"

namespace routedk::testing {

/// A and B filled with keyed values; both matter.
inline std::shared_ptr<experts::Expert> tiny_expert(const std::string& name,
                                                    const experts::LoraOptions& config) {
  auto expert = std::make_shared<experts::Expert>(name, tiny_config(), config);
  const std::int64_t count = expert->parameters().size();
  const std::vector<float> values = tiny_values(name, count, 0.0, 0.4);
  const at::NoGradGuard no_grad;
  expert->parameters().values().copy_(at::tensor(values));
  return expert;
}

/// Three experts of different rank, scale and targets.
inline std::vector<std::shared_ptr<experts::Expert>> tiny_experts() {
  using model::Linear;
  const std::vector<Linear> all = experts::LoraOptions{}.targets;
  return {tiny_expert("base", {2, 4.0, false, all}),
          tiny_expert("high_level", {3, 1.5, true, {Linear::kQ, Linear::kO, Linear::kDown}}),
          tiny_expert("fine_grained", {1, 2.0, false, {Linear::kQ, Linear::kGate}})};
}

inline std::shared_ptr<experts::ExpertBank> tiny_bank() {
  auto bank = std::make_shared<experts::ExpertBank>(tiny_experts());
  bank->freeze(at::kFloat);
  return bank;
}

/// sum_i weights[i] s_i B_i A_i as a dense [out,in] matrix in fp64; zero where no expert adapts the linear.
inline at::Tensor dense_delta(const experts::ExpertBank& bank, const std::vector<double>& weights,
                              std::int64_t layer, model::Linear linear) {
  const model::LinearShape shape = model::linear_shape(tiny_config(), linear);
  at::Tensor total = at::zeros({shape.out, shape.in}, at::kDouble);
  for (std::int64_t i = 0; i < bank.size(); ++i) {
    const experts::LoraFactors& f = bank[i].factors(layer, linear);
    if (f.a.defined()) {
      const double rank = static_cast<double>(f.a.size(0));
      const experts::LoraPlan& plan = bank[i].plan();
      const double alpha = plan.at(layer, linear).alpha;
      const double scale = alpha / (plan.rank_stabilised ? std::sqrt(rank) : rank);
      total += weights[static_cast<std::size_t>(i)] * scale *
               at::mm(f.bt.detach().t().to(at::kDouble), f.a.detach().to(at::kDouble));
    }
  }
  return total;
}

}  // namespace routedk::testing
