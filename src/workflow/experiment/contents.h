/// What an experiment reads, as hashes of its contents: other contents are other steps, other places are not.
#pragma once

#include "routedk/workflow/experiment/experiment.h"

#include <filesystem>
#include <string>

namespace routedk::workflow {

/// Of data or own examples, prompts, models and the chat template's file. FileError.
Experiment::Contents contents_of(const ExperimentConfig& config);

/// Of a PEFT folder's settings and weights, in 16 hex digits; empty: none. FileError.
std::string hash_adapter(const std::filesystem::path& folder);

}  // namespace routedk::workflow
