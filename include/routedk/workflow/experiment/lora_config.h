/// The `lora:` section: the shape of every expert.
#pragma once

#include "routedk/core/config_rules.h"
#include "routedk/model/config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace routedk::workflow {

struct LoraConfig {
  std::int64_t rank = 16;
  double alpha = 32.0;
  bool rank_stabilised = false;
  std::vector<model::Linear> targets = model::all_linears();
  std::string init_adapter;

  template <typename F>
  void fields(F& f) {
    f("rank", rank, "rank r of A and B", at_least(1));
    f("alpha", alpha, "lora_alpha: the deltas are scaled by alpha / r", between(1e-6, 1e6));
    f("rank_stabilised", rank_stabilised, "scale by alpha / sqrt(r) instead (rsLoRA)");
    f("targets", targets,
      "the linears of every layer that are adapted, PEFT's target_modules; without effect under "
      "init_adapter");
    f("init_adapter", init_adapter,
      "start every expert from this PEFT folder, with its ranks, scales and targets; empty: new experts",
      InputPath());
  }

  /// No linear is named twice.
  bool adapts_all() const { return targets.size() == static_cast<std::size_t>(model::kLinears); }
};

}  // namespace routedk::workflow
