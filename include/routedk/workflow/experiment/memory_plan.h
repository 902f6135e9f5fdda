/// How much memory training and decoding will take, before it is taken.
#pragma once

#include "routedk/kernels/precision.h"
#include "routedk/model/config.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::workflow {

/// The backbone, and the experts where they are not what is trained.
struct FrozenSize {
  bool nf4 = true;           ///< the frozen linears
  bool double_quant = true;  ///< their scales
  kernels::Precision precision = kernels::Precision::kFloat32;
  double packed_linears = 0.0;  ///< bytes of those held as the file packs them; 0: none are
  double packed_tables = 0.0;   ///< of embedding and head, likewise
  std::int64_t factors = 0;     ///< numbers of all frozen experts
  bool gpu = false;             ///< on a GPU, whose memory it is then
};

/// What is trained, in the largest micro-batch.
struct TrainingSize : FrozenSize {
  std::int64_t trainable = 0;      ///< numbers of all groups
  bool average = false;            ///< a running mean of them is kept
  std::int64_t tokens = 0;         ///< T
  std::int64_t answer_tokens = 0;  ///< A of them
  bool recompute = false;          ///< a layer keeps its input alone and is run again in backward
};

/// What is decoded together, when every sample gets as long as it may and none equals another.
struct DecodingSize : FrozenSize {
  bool int8 = true;                ///< the kernels, where the linears are packed
  std::int64_t sessions = 0;       ///< S
  std::int64_t prompt_tokens = 0;  ///< of all S prompts
  std::int64_t samples = 1;        ///< N of each
  std::int64_t new_tokens = 0;     ///< most of a sample
};

/// Bytes by kind, in the order of a report.
struct MemoryPlan {
  std::vector<std::pair<std::string, double>> bytes;
  double total() const;
};

/// Frozen weights; frozen experts, and once more side by side; five or six fp32 copies of
/// what is trained (values, gradients, both moments, the best, the running mean); what the layers keep for
/// backward, proportional to T; logits and their gradients, A by V; the process itself. Counted for this
/// implementation's forward pass. On a GPU nothing is the process's, and a layer's backward needs more than
/// the logits, or they more.
MemoryPlan predict_memory(const model::LlamaConfig& model, const TrainingSize& size);

/// Frozen weights and experts; their copy in the 8-bit kernels' layout; keys and values of the prompts; the
/// larger of the two phases: the rows of the prefill, or the samples' keys, values and logits; the process.
/// On a GPU the copy is that of its steps and nothing is the process's.
MemoryPlan predict_memory(const model::LlamaConfig& model, const DecodingSize& size);

}  // namespace routedk::workflow
