/// The answer and evaluate steps for the user's own examples.
#pragma once

#include "routedk/workflow/experiment/experiment.h"

#include <string>

namespace routedk::workflow {

/// Losses, greedy answers and candidates of the system `name`, written to its answers file batch by batch;
/// batches already in the file are not run again.
void answer_examples(Experiment& experiment, const std::string& name);

/// Metrics of all systems, whose answers must exist: results.json, the table in its forms, and the choice for
/// each example in `answers`.
void evaluate_examples(const Experiment& experiment);

}  // namespace routedk::workflow
