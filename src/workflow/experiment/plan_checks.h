/// Finds what a run would refuse, before it begins.
#pragma once

#include "routedk/workflow/experiment/experiment.h"

#include <optional>
#include <string>

namespace routedk::workflow {

/// ConfigError unless the run folder and the store are writable or can be made.
void require_writable(const Experiment& experiment);

/// Throws if a teacher that is still to be asked cannot be: without its key or its model's files.
void check_teachers(const Experiment& experiment);

/// ConfigError if a training that is needed has begun on another machine or with another number of threads.
void require_resumable(const Experiment& experiment);

/// Reads everything that the remaining steps will read, including the model's weights, and checks that the
/// run folder and the store are writable, and leaves nothing on disk. Errors pass through. Outputs of the
/// steps to be repeated are not read.
void require_runnable(const Experiment& experiment, std::optional<StepKind> repeated);

/// For the program that runs steps of this kind, of all experts or one: ConfigError if an input is not done,
/// UserError if another process works on one of its steps.
void require_ready(const Experiment& experiment, StepKind kind, const std::string& expert);

}  // namespace routedk::workflow
