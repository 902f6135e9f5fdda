/// Examples packed into flat batches.
#pragma once

#include "routedk/model/batch.h"
#include "routedk/train/example.h"

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::train {

/// Which ids each of A rows may predict. A row without ids may predict all.
struct AllowedIds {
  std::vector<std::int64_t> offsets;  ///< [A+1]: row a's are ids[offsets[a]] .. ids[offsets[a+1]]
  std::vector<std::int64_t> ids;      ///< if empty, no row is restricted, and offsets may be empty

  /// Appends one row.
  void add(const std::vector<std::int32_t>& of_row);
  /// Pads with unrestricted rows up to `rows` rows, then appends those of `other`.
  void append(const AllowedIds& other, std::int64_t rows);
  /// [count,vocab] bool: what rows `first` .. `first` + `count` may not predict; undefined if nothing is
  /// forbidden.
  at::Tensor forbidden(std::int64_t first, std::int64_t count, std::int64_t vocab, at::Device device) const;
};

/// One micro-batch: S sequences prompt + answer; gates may look only at the prompts.
struct PackedBatch {
  model::FlatBatch batch;
  model::BatchPart predicting;      ///< the A rows whose next token is an answer token
  at::Tensor targets;               ///< [A] I64: those next tokens
  std::vector<std::uint64_t> keys;  ///< [S]: the examples' keys
  at::Tensor weights = {};          ///< [A] F32: weight of each answer token; undefined: 1 each
  AllowedIds allowed = {};          ///< the ids among which each of `targets` was chosen

  /// A copy with its tensors on the device.
  PackedBatch to(at::Device device) const;
  std::int64_t answer_tokens() const { return targets.numel(); }  // A
};

/// Packs examples, in the given order, into one micro-batch. DataError names the key of an example whose
/// prompt or answer is empty.
PackedBatch pack(const std::vector<const Example*>& examples);

/// Packs prompts with several answers each: a prompt is computed once for all of its answers, whose tokens
/// are `targets` one answer after another. `keys` [S] are the prompts'. DataError as above.
PackedBatch pack(const std::vector<model::PromptAnswers>& prompts, const std::vector<std::uint64_t>& keys);

/// Concatenates batches; all have weights or none has.
PackedBatch joined(const std::vector<const PackedBatch*>& parts);

/// Packs examples, shortest first (equal lengths in the given order), each micro-batch filled up to
/// `max_tokens`; a longer example gets its own. Their tensors are on `device`.
std::vector<PackedBatch> pack_all(std::vector<const Example*> examples, std::int64_t max_tokens,
                                  at::Device device = at::kCPU);

}  // namespace routedk::train
