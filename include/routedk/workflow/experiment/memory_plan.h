/// How much memory training will take, before it is taken.
#pragma once

#include "routedk/model/config.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::workflow {

/// What is trained over which backbone, in the largest micro-batch.
struct TrainingSize {
  bool nf4 = true;                    ///< the frozen linears
  bool double_quant = true;           ///< their scales
  at::ScalarType dtype = at::kFloat;  ///< of computation
  std::int64_t trainable = 0;         ///< numbers of all groups
  bool average = false;               ///< a running mean of them is kept
  std::int64_t tokens = 0;            ///< T
  std::int64_t answer_tokens = 0;     ///< A of them
  bool recompute = false;             ///< a layer keeps its input alone and is run again in backward
};

/// Bytes by kind, in the order of a report.
struct MemoryPlan {
  std::vector<std::pair<std::string, double>> bytes;
  double total() const;
};

/// Frozen weights; five or six fp32 copies of what is trained (values, gradients, both moments, the best, the
/// running mean); what the layers keep for backward, proportional to T; logits and their gradients, A by V;
/// the process itself. Counted for this implementation's forward pass.
MemoryPlan predict_memory(const model::LlamaConfig& model, const TrainingSize& size);

}  // namespace routedk::workflow
