/// Predicts how much memory training and decoding take.
#pragma once

#include "routedk/kernels/precision.h"
#include "routedk/model/config.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::workflow {

/// The backbone, and the experts if they are not trained.
struct FrozenSize {
  bool nf4 = true;           ///< whether the frozen linears are NF4
  bool double_quant = true;  ///< whether their scales are quantised too
  kernels::Precision precision = kernels::Precision::kFloat32;
  double packed_linears = 0.0;  ///< bytes of linears kept packed as in the file; 0 if none are
  double packed_tables = 0.0;   ///< the same for embedding and head
  std::int64_t factors = 0;     ///< parameters of all frozen experts
  bool gpu = false;             ///< on a GPU: the plan is for its memory
};

/// What is trained, with the largest micro-batch.
struct TrainingSize : FrozenSize {
  std::int64_t trainable = 0;      ///< parameters of all groups
  bool average = false;            ///< whether a running mean of them is kept
  std::int64_t tokens = 0;         ///< T
  std::int64_t answer_tokens = 0;  ///< A, of the T
  bool recompute = false;          ///< a layer keeps only its input and is run again in backward
};

/// What is decoded together in the worst case: every sample has full length and no two are equal.
struct DecodingSize : FrozenSize {
  bool int8 = true;                ///< uses the 8-bit kernels, if the linears are packed
  std::int64_t sessions = 0;       ///< S
  std::int64_t prompt_tokens = 0;  ///< total over the S prompts
  std::int64_t samples = 1;        ///< N per session
  std::int64_t new_tokens = 0;     ///< maximum per sample
};

/// Bytes by kind, in the order of a report.
struct MemoryPlan {
  std::vector<std::pair<std::string, double>> bytes;
  double total() const;
};

/// Frozen weights; frozen experts, and again as one stack; five or six fp32 copies of what is trained
/// (values, gradients, both moments, the best, the running mean); activations kept for backward, proportional
/// to T; logits and their gradients, [A,V]; the process itself. Counted for this implementation's forward
/// pass. On a GPU the process is not counted, and the peak is the larger of a layer's backward and the
/// logits.
MemoryPlan predict_memory(const model::LlamaConfig& model, const TrainingSize& size);

/// Frozen weights and experts; their copy in the layout of the 8-bit kernels; keys and values of the prompts;
/// the larger of the two phases: the rows of the prefill, or the samples' keys, values and logits; the
/// process. On a GPU the copy is that of the decoding steps, and the process is not counted.
MemoryPlan predict_memory(const model::LlamaConfig& model, const DecodingSize& size);

}  // namespace routedk::workflow
