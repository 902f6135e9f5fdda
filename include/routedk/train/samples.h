/// Answers sampled from the current values, and their utilities.
#pragma once

#include "routedk/train/example.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace routedk::train {

/// One of the distinct answers to a prompt.
struct SampledAnswer {
  std::vector<std::int32_t> ids;  ///< including the end of turn if it was generated; at least one
  /// The ids among which each was sampled, itself included; empty: the whole vocabulary every time
  std::vector<std::vector<std::int32_t>> allowed = {};
  std::int64_t count = 1;  ///< samples with this answer
  double utility = 0.0;
  double logprob = 0.0;  ///< over the allowed ids, nats, as computed by the sampler
  bool finished = true;  ///< not cut off by a limit
};

/// Its distinct answers, in an order that depends only on them.
using PromptSamples = std::vector<SampledAnswer>;

/// A request for samples with the group's current parameters, under its gate, at temperature 1 and without
/// dropout; with `greedy`, one answer of the most likely tokens.
struct SampleRequest {
  const std::string& group;
  const std::vector<const Example*>& prompts;
  std::int64_t step =
      0;  ///< of sampling, not of the optimiser: keys the draws, with the group and each example's key
  bool greedy = false;
};

/// The samples of each prompt.
using SampleFn = std::function<std::vector<PromptSamples>(const SampleRequest&)>;

}  // namespace routedk::train
