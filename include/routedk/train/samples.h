/// Answers drawn from the present values, and what they are worth.
#pragma once

#include "routedk/train/example.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace routedk::train {

/// One of the different answers to a prompt.
struct SampledAnswer {
  std::vector<std::int32_t> ids;  ///< end of turn included where it was written; at least one
  /// Among which ids each was drawn, itself included; empty: the whole vocabulary each time
  std::vector<std::vector<std::int32_t>> allowed = {};
  std::int64_t count = 1;  ///< samples that wrote it
  double utility = 0.0;
  double logprob = 0.0;  ///< among the allowed ids, nats, as the sampler computed it
  bool finished = true;  ///< not cut by a limit
};

/// Its different answers in an order that depends on nothing but themselves.
using PromptSamples = std::vector<SampledAnswer>;

/// What is to be sampled: by the values that stand in the group's parameters, under its gate, at temperature
/// 1, nothing dropped; or, `greedy`, the likeliest token each time, once.
struct SampleRequest {
  const std::string& group;
  const std::vector<const Example*>& prompts;
  std::int64_t step =
      0;  ///< of draws, not of the optimiser: keys them, with the group and each example's key
  bool greedy = false;
};

/// The samples of each prompt.
using SampleFn = std::function<std::vector<PromptSamples>(const SampleRequest&)>;

}  // namespace routedk::train
