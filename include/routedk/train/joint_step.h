/// The passes of one step over the model, for several groups together.
#pragma once

#include "routedk/train/group_trainer.h"

#include <vector>

namespace routedk::train {

/// Loss and gradient of each group's next step. Micro-batches of groups whose gates assign every sequence to
/// one expert share a pass as long as they fit in `max_tokens` together: one product with each frozen weight
/// instead of one per group. A group's results do not depend on the other groups, bit for bit. In a world of
/// several processes, each computes its share and receives the sums. NumericError as GroupTrainer::finish.
std::vector<GroupStep> compute_steps(const experts::RoutedModel& model, const TrainConfig& config,
                                     const std::vector<GroupTrainer*>& groups);

}  // namespace routedk::train
