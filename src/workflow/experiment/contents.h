/// Hashes of an experiment's inputs: a step changes with their contents, not with their paths.
#pragma once

#include "routedk/workflow/experiment/experiment.h"

#include <filesystem>
#include <string>

namespace routedk::workflow {

/// Hashes data or own examples, prompts, models and the chat template's file. FileError.
Experiment::Contents contents_of(const ExperimentConfig& config);

/// A hash of a PEFT folder's settings and weights, as 16 hex digits; empty for an empty path. FileError.
std::string hash_adapter(const std::filesystem::path& folder);

}  // namespace routedk::workflow
