/// Finds what a run would refuse, before it begins.
#pragma once

#include "routedk/workflow/experiment/experiment.h"

#include <filesystem>
#include <string>

namespace routedk::workflow {

/// ConfigError unless the folder that a setting names is writable or can be made.
void check_writable(const std::filesystem::path& folder, const char* setting);

/// Reads everything that the remaining steps will read, including the model's weights, and checks that the
/// run folder and the store are writable, and leaves nothing on disk. Errors pass through.
void require_runnable(const Experiment& experiment);

/// For the program that runs steps of this kind, of all experts or one: ConfigError if an input is not done,
/// UserError if another process works on one of its steps.
void require_ready(const Experiment& experiment, StepKind kind, const std::string& expert);

}  // namespace routedk::workflow
