/// What the answer and evaluate steps do with examples of the user's own.
#pragma once

#include "routedk/workflow/experiment/experiment.h"

#include <string>

namespace routedk::workflow {

/// Losses, greedy answers and candidates of the system `name`, into its answers file batch by batch; batches
/// that the file holds already are not run again.
void answer_examples(Experiment& experiment, const std::string& name);

/// Figures of all systems, whose answers are there: results.json, the table in its forms, and what was chosen
/// for each example in `answers`.
void evaluate_examples(const Experiment& experiment);

}  // namespace routedk::workflow
