/// One step's passes over the model, of several groups together.
#pragma once

#include "routedk/train/group_trainer.h"

#include <vector>

namespace routedk::train {

/// Loss and gradient of each group's next step. Micro-batches of groups whose gates give every sequence to
/// one expert share a pass as long as they hold `max_tokens` together: one product with each frozen weight
/// instead of one per group. What a group computes is the same, bit for bit, whatever groups are beside it.
/// In a world of several
/// processes each computes its share and has the sums. NumericError as GroupTrainer::finish.
std::vector<GroupStep> compute_steps(const experts::RoutedModel& model, const TrainConfig& config,
                                     const std::vector<GroupTrainer*>& groups);

}  // namespace routedk::train
