/// The memory of an experiment's steps, as part of its plan.
#pragma once

#include "routedk/model/weight_source.h"
#include "routedk/train/example.h"
#include "routedk/workflow/experiment/experiment.h"

#include <string>
#include <vector>

namespace routedk::workflow {

/// Parameters of one expert: those of the adapter that it is, or that it starts from; otherwise r (in + out)
/// for each linear.
std::int64_t expert_parameters(const ExperimentConfig& config, const std::string& expert,
                               const model::LlamaConfig& model);

/// Tokens per step of an expert, and a table of bytes by kind with a column for each step that takes memory.
/// `training` and `routing` are the examples of experts and router.
std::string memory_text(const Experiment& experiment, const model::WeightSource& source,
                        const std::vector<train::Example>& training,
                        const std::vector<train::Example>& routing);

}  // namespace routedk::workflow
