#include "routedk/train/objective.h"

#include "expected_utility.h"
#include "likelihood.h"

namespace routedk::train {

std::unique_ptr<Objective> make_objective(const experts::RoutedModel& model, const TrainConfig& config,
                                          const ParameterGroup& group, const GroupExamples& examples,
                                          const parallel::World& world) {
  switch (config.objective) {
    case ObjectiveKind::kLikelihood:
      break;
    case ObjectiveKind::kExpectedUtility:
      return std::make_unique<ExpectedUtility>(model, config, group, examples, world);
  }
  return std::make_unique<Likelihood>(model, config, group, examples, world);
}

}  // namespace routedk::train
