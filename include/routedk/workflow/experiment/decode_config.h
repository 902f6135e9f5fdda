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
    f("samples", samples, "N: candidates per session", between(1, 1024));
    f("temperature", temperature, "sampling temperature; 0 is greedy", at_least(0));
    f("top_k", top_k, "draw from this many of the likeliest tokens; 0: all", at_least(0));
    f("top_p", top_p, "then from the fewest that together have this probability; 1: all", between(0, 1));
    f("min_p", min_p, "then from those with at least this share of the likeliest token's probability; 0: all",
      between(0, 1));
    f("select", select, "how an answer is chosen (docs/evaluation.md)");
    f("utility", utility, "what select: expected_utility maximises; mean: the mean of the other two");
    f("expectation", expectation,
      "how probable each distinct candidate is taken to be: its share of the samples, or its probability "
      "under the model");
    f("constrain", constrain, "allow only canonical answers; false: decode freely and parse strictly");
    f("max_new_tokens", max_new_tokens,
      "tokens of the longest answer; the model's context may end it earlier", at_least(1));
    f("batch_sessions", batch_sessions, "sessions decoded together", at_least(1));
    f("kernels", kernels,
      "int8: products in 8 bits where the linears are packed; reference: as in training (docs/decoding.md)");
    f("seed", seed, "seed of sampling");
  }
};

}  // namespace routedk::workflow
