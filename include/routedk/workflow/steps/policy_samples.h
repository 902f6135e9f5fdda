/// Samples answers for objectives that train on them, with their utilities.
#pragma once

#include "routedk/experts/routed_model.h"
#include "routedk/train/samples.h"
#include "routedk/workflow/experiment/experiment.h"
#include "routedk/workflow/steps/watch.h"

namespace routedk::workflow {

/// Samples with the reference engine under the gate of the request's group, `decode.batch_sessions` prompts
/// at once. Bundles are sampled under the answers' automaton and scored against the example's own answer, so
/// examples with renumbered items need no special handling; for the user's own examples no grammar applies.
/// An answer cut off by a limit has utility 0. The samples depend on `train.seed`, the group, the step and
/// the example's key. The sampler keeps references to all arguments.
train::SampleFn policy_samples(const Experiment& experiment, const experts::RoutedModel& model,
                               GroupGates gates, const train::TrainConfig& config);

}  // namespace routedk::workflow
