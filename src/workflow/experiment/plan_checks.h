/// What a run would refuse, found before it is begun.
#pragma once

#include "routedk/workflow/experiment/experiment.h"

namespace routedk::workflow {

/// Reads all that the steps still to do will read, the model's weights too, and looks whether the run folder
/// and the store can be written; makes nothing on disk. Errors of each as they come.
void require_runnable(const Experiment& experiment);

/// Before the program that does steps of this kind: ConfigError where an input is not done, UserError where
/// another process works on one of its steps.
void require_ready(const Experiment& experiment, StepKind kind);

}  // namespace routedk::workflow
