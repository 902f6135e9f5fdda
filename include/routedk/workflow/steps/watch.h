/// What a validation reports besides the loss: a few answers and their metrics.
#pragma once

#include "routedk/experts/routed_model.h"
#include "routedk/train/group_trainer.h"
#include "routedk/workflow/experiment/experiment.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace routedk::workflow {

/// Gates by the name of the group that trains under them.
using GroupGates = std::map<std::string, std::shared_ptr<const experts::Gate>>;

/// Answers `watch.answers` validation prompts, evenly spread, greedily under the group's gate: {"answers":
/// [{"key", "answer"}], "metrics": {...}}; the metrics are those of bundles or, for the user's own examples,
/// the share that equals one of the references. Warns of signs of collapse (eval/collapse.h). Empty if
/// nothing is to be watched. All arguments must outlive it.
train::ValidationHook watch_answers(const Experiment& experiment, const experts::RoutedModel& model,
                                    GroupGates gates);

}  // namespace routedk::workflow
