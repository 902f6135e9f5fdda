/// The `lora:` section: the shape of every expert.
#pragma once

#include "routedk/core/config_rules.h"

#include <cstdint>
#include <string>

namespace routedk::workflow {

struct LoraConfig {
  std::int64_t rank = 16;
  double alpha = 32.0;
  bool rank_stabilised = false;
  std::string init_adapter;

  template <typename F>
  void fields(F& f) {
    f("rank", rank, "rank r of A and B", at_least(1));
    f("alpha", alpha, "lora_alpha: the deltas are scaled by alpha / r", between(1e-6, 1e6));
    f("rank_stabilised", rank_stabilised, "scale by alpha / sqrt(r) instead (rsLoRA)");
    f("init_adapter", init_adapter,
      "start every expert from this PEFT folder, with its ranks and scales; empty: new experts", InputPath());
  }
};

}  // namespace routedk::workflow
