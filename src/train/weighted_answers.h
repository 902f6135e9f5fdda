/// Answers with a weight each, following their prompts, in micro-batches.
#pragma once

#include "routedk/train/packed_batch.h"

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::train {

struct WeightedAnswer {
  const Example* prompt;                                  ///< the example whose prompt it answers
  const std::vector<std::int32_t>* ids;                   ///< at least one
  const std::vector<std::vector<std::int32_t>>* allowed;  ///< for each id, or empty
  double weight = 1.0;                                    ///< of each of its tokens
};

/// Packs answers in order, with the prompt once for all of its adjacent answers. Each micro-batch is filled
/// up to `max_tokens`; if the answers continue in the next, the prompt is repeated there. An answer that is
/// longer with its prompt gets its own.
std::vector<PackedBatch> pack_weighted(const std::vector<WeightedAnswer>& answers, std::int64_t max_tokens,
                                       at::Device device);

}  // namespace routedk::train
