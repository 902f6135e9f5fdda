/// Answers drawn while an objective trains by them, and what they are worth.
#pragma once

#include "routedk/experts/routed_model.h"
#include "routedk/train/samples.h"
#include "routedk/workflow/experiment/experiment.h"
#include "routedk/workflow/steps/watch.h"

namespace routedk::workflow {

/// Draws with the reference engine under the gate of the request's group, `decode.batch_sessions` prompts at
/// once. Bundles are drawn under the answers' automaton and scored against the example's own answer, so an
/// example whose items are renumbered needs nothing else; examples of the user's own are written freely. An
/// answer that a limit cuts is worth 0. What is drawn depends on `train.seed`, the group, the step and the
/// example's key. The sampler keeps references to all that is passed.
train::SampleFn policy_samples(const Experiment& experiment, const experts::RoutedModel& model,
                               GroupGates gates, const train::TrainConfig& config);

}  // namespace routedk::workflow
