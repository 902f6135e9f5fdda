#include "routedk/workflow/experiment/experiment.h"
#include "routedk/workflow/experiment/graph.h"
#include "routedk/workflow/steps/answer_setting.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>

namespace routedk::workflow {
namespace {

double product(std::size_t count, std::int64_t times) {
  return static_cast<double>(count) * static_cast<double>(times);
}

/// Examples that the steps by likelihood take, if there are `count` examples.
double taken(const train::TrainConfig& config, std::size_t count) {
  const std::int64_t of_an_epoch =
      (static_cast<std::int64_t>(count) + config.batch_size - 1) / config.batch_size;
  return std::min(product(count, config.epochs),
                  static_cast<double>(config.likelihood_steps(of_an_epoch) * config.batch_size));
}

/// The same of `data.examples`.
double work_on_examples(const Experiment& experiment, const StepId& id) {
  const ExperimentConfig& c = experiment.config();
  switch (id.kind) {
    case StepKind::kTrain:
      return c.adapter_of(id.name) != nullptr
                 ? 0.0
                 : taken(c.train, expert_examples(experiment, id.name, 0).size());
    case StepKind::kRouter:
    case StepKind::kControls:
      return taken(c.router, router_examples(experiment).size());
    case StepKind::kAnswer:
      return product(experiment.task().evaluated.size(), most_samples(c));
    default:
      return 0.0;
  }
}

}  // namespace

double work_of(const Experiment& experiment, const StepId& id) {
  const ExperimentConfig& c = experiment.config();
  if (!experiment.has_sessions()) {
    return work_on_examples(experiment, id);
  }
  switch (id.kind) {
    case StepKind::kTrain:
      if (c.adapter_of(id.name) != nullptr) {
        return 0.0;
      }
      [[fallthrough]];
    case StepKind::kConflict:
      return taken(c.train, learning_sessions(experiment).experts.size());
    case StepKind::kRouter:
    case StepKind::kControls:
      return taken(c.router, learning_sessions(experiment).router.size());
    case StepKind::kAnswer:
      return product(evaluated_sessions(experiment).size(), most_samples(c));
    case StepKind::kDistil:
      return product(experiment.split().train.size(), 1);
    case StepKind::kProbe:
      return product(evaluated_sessions(experiment).size(), 1);
    case StepKind::kEvaluate:
    case StepKind::kTeacher:
    case StepKind::kCompare:
      return 1.0;
  }
  return 0.0;
}

}  // namespace routedk::workflow
