/// Examples packed into flat batches.
#pragma once

#include "routedk/model/batch.h"
#include "routedk/train/example.h"

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::train {

/// One micro-batch: S sequences prompt + answer; the gates may look at their prompts only.
struct PackedBatch {
  model::FlatBatch batch;
  model::BatchPart predicting;      ///< the A rows whose next token is an answer token
  at::Tensor targets;               ///< [A] I64: those next tokens
  std::vector<std::uint64_t> keys;  ///< [S]: the examples' keys

  /// The same with its tensors on that device.
  PackedBatch to(at::Device device) const;
  std::int64_t answer_tokens() const { return targets.numel(); }  // A
};

/// Packs examples, in the given order, into one micro-batch. DataError names the key of an example whose
/// prompt or answer is empty.
PackedBatch pack(const std::vector<const Example*>& examples);

/// Packs prompts with several answers each: a prompt is computed once for all of its answers, whose tokens
/// are `targets` one answer after another. `keys` [S] are the prompts'. DataError as above.
PackedBatch pack(const std::vector<model::PromptAnswers>& prompts, const std::vector<std::uint64_t>& keys);

/// Batches one after another as one.
PackedBatch joined(const std::vector<const PackedBatch*>& parts);

/// Packs examples, shortest first (equal lengths in the given order), each micro-batch filled up to
/// `max_tokens`; a longer example gets one of its own. Their tensors lie on `device`.
std::vector<PackedBatch> pack_all(std::vector<const Example*> examples, std::int64_t max_tokens,
                                  at::Device device = at::kCPU);

}  // namespace routedk::train
