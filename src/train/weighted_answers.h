/// Answers that count by a weight each, behind their prompts, in micro-batches.
#pragma once

#include "routedk/train/packed_batch.h"

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::train {

struct WeightedAnswer {
  const Example* prompt;                                  ///< whose prompt it answers
  const std::vector<std::int32_t>* ids;                   ///< at least one
  const std::vector<std::vector<std::int32_t>>* allowed;  ///< of each id, or empty
  double weight = 1.0;                                    ///< of each of its tokens
};

/// One after another, a prompt once for all of its neighbouring answers; each micro-batch is filled up to
/// `max_tokens`, where the prompt is repeated in the next. An answer that is longer with its prompt gets one
/// of its own.
std::vector<PackedBatch> pack_weighted(const std::vector<WeightedAnswer>& answers, std::int64_t max_tokens,
                                       at::Device device);

}  // namespace routedk::train
