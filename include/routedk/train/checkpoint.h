/// Checkpoints of a training run: `step-000040/` with `state.json` and `tensors.safetensors`. A folder gets
/// its final name only when complete and flushed; later damage is a FileError.
#pragma once

#include "routedk/io/jsonl.h"
#include "routedk/kernels/adamw.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <ATen/ATen.h>

namespace routedk::train {

using kernels::AdamWMoments;

/// A group's progress.
struct GroupProgress {
  std::int64_t step = 0;                       ///< optimiser steps done, including those not applied
  std::int64_t bad_steps = 0;                  ///< steps that were not applied
  std::int64_t bad_steps_in_a_row = 0;         ///< the current series of them
  double last_loss = 0.0;                      ///< of the last step
  std::optional<double> best_validation_loss;  ///< see Validation::loss
  std::int64_t best_step = 0;                  ///< steps done at the best validation
  std::int64_t stale_validations = 0;          ///< validations since the best
  std::int64_t tokens = 0;                     ///< trained on, prompts included
  std::int64_t answer_tokens = 0;
  double seconds = 0.0;            ///< spent on steps and validation, summed over resumed parts
  std::int64_t skipped_steps = 0;  ///< steps with nothing to learn
};

/// Everything that a group's training needs to continue.
struct GroupState {
  GroupProgress progress;
  at::Tensor values;       // [P]
  AdamWMoments moments;    // [P] each
  at::Tensor best_values;  // [P]; undefined before the first validation
  at::Tensor average;      // [P], the running mean of the values; undefined if not used
};

// nlohmann::json declares its moves noexcept, though what they call might throw.
// NOLINTNEXTLINE(bugprone-exception-escape)
struct Checkpoint {
  std::int64_t step = 0;  ///< of the run: that of the longest group
  io::Json fingerprint;   ///< what the run computes
  io::Json machine;       ///< where it ran
  std::map<std::string, GroupState> groups;
};

/// Writes `folder`/step-<step>, then removes all but the newest `keep`. SystemError.
void save_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint, std::int64_t keep);

/// The checkpoint with the most steps; empty if the folder is missing or has none.
std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& folder);

/// Reads everything but the tensors. FileError if state.json is missing or damaged.
Checkpoint read_checkpoint_state(const std::filesystem::path& path);

/// Reads the named groups, whose parameter counts are given. FileError if a file is missing or damaged, a
/// group is missing or a tensor has another size.
Checkpoint read_checkpoint(const std::filesystem::path& path,
                           const std::map<std::string, std::int64_t>& parameters);

/// Removes leftovers of interrupted writers from the folder.
void remove_unfinished(const std::filesystem::path& folder);

}  // namespace routedk::train
