/// Checkpoints of a training run: `step-000040/` with `state.json` and `tensors.safetensors`. A folder
/// appears under its name only when whole and flushed; one that is damaged afterwards is a FileError.
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

/// How far a group has come.
struct GroupProgress {
  std::int64_t step = 0;                       ///< optimiser steps done, bad ones included
  std::int64_t bad_steps = 0;                  ///< those that were not applied
  std::int64_t bad_steps_in_a_row = 0;         ///< up to now
  double last_loss = 0.0;                      ///< of the last step
  std::optional<double> best_validation_loss;  ///< as Validation::loss
  std::int64_t best_step = 0;                  ///< steps done when it was measured
  std::int64_t stale_validations = 0;          ///< validations since then
  std::int64_t tokens = 0;                     ///< trained on, prompts included
  std::int64_t answer_tokens = 0;
  double seconds = 0.0;            ///< spent on steps and validation, over all resumed parts
  std::int64_t skipped_steps = 0;  ///< those in which there was nothing to learn
};

/// All that a group's training needs to continue.
struct GroupState {
  GroupProgress progress;
  at::Tensor values;       // [P]
  AdamWMoments moments;    // [P] each
  at::Tensor best_values;  // [P]; undefined before the first validation
  at::Tensor average;      // [P]; the running mean of the values, undefined without one
};

// nlohmann::json declares its moves noexcept, though what they call might throw.
// NOLINTNEXTLINE(bugprone-exception-escape)
struct Checkpoint {
  std::int64_t step = 0;  ///< of the run: the longest group's
  io::Json fingerprint;   ///< what the run computes
  io::Json machine;       ///< where it ran
  std::map<std::string, GroupState> groups;
};

/// Writes `folder`/step-<step>, then removes all but the newest `keep`. SystemError.
void save_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint, std::int64_t keep);

/// The checkpoint with the most steps; nothing when the folder is missing or has none.
std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& folder);

/// Reads everything but the tensors. FileError when state.json is missing or damaged.
Checkpoint read_checkpoint_state(const std::filesystem::path& path);

/// Reads the named groups, whose numbers of parameters are given, whole. FileError when a file is missing or
/// damaged, a group is missing or a tensor has another size.
Checkpoint read_checkpoint(const std::filesystem::path& path,
                           const std::map<std::string, std::int64_t>& parameters);

/// Removes what interrupted writers left in the folder.
void remove_unfinished(const std::filesystem::path& folder);

}  // namespace routedk::train
