/// The `decode:` section: candidates and how one is chosen.
#pragma once

#include "routedk/core/config_rules.h"
#include "routedk/decode/kernels.h"
#include "routedk/eval/selection.h"

#include <cstdint>

namespace routedk::workflow {

struct DecodeConfig {
  std::int64_t samples = 4;
  double temperature = 0.7;
  std::int64_t top_k = 0;
  double top_p = 1.0;
  double min_p = 0.0;
  eval::SelectRule select = eval::SelectRule::kVote;
  bundle::Utility utility = bundle::Utility::kF1;
  eval::Expectation expectation = eval::Expectation::kMonteCarlo;
  bool constrain = true;
  std::int64_t max_new_tokens = 256;
  std::int64_t batch_sessions = 16;
  decode::Kernels kernels = decode::Kernels::kInt8;
  std::uint64_t seed = 1;

  template <typename F>
  void fields(F& f) {
    f("samples", samples, "N: candidates a session", between(1, 1024));
    f("temperature", temperature, "of sampling; 0 is greedy", at_least(0));
    f("top_k", top_k, "draw among the likeliest so many tokens; 0: all", at_least(0));
    f("top_p", top_p, "then among the fewest that together are so likely; 1: all", between(0, 1));
    f("min_p", min_p, "then among those at least so likely relative to the likeliest; 0: all", between(0, 1));
    f("select", select, "how an answer is chosen (docs/evaluation.md)");
    f("utility", utility, "what select: expected_utility maximises; mean: of the other two");
    f("expectation", expectation,
      "how likely it takes each distinct candidate to be gold: its share, or its probability under the "
      "model");
    f("constrain", constrain, "allow canonical answers only; otherwise decode freely and parse strictly");
    f("max_new_tokens", max_new_tokens, "longest answer; shorter where the model's context ends first",
      at_least(1));
    f("batch_sessions", batch_sessions, "sessions decoded together", at_least(1));
    f("kernels", kernels,
      "products in 8 bits where the linears are packed, or as in training (docs/decoding.md)");
    f("seed", seed, "of sampling");
  }
};

}  // namespace routedk::workflow
