/// How a step trains groups of parameters, whatever they are.
#pragma once

#include "routedk/train/group_trainer.h"
#include "routedk/workflow/experiment/experiment.h"
#include "routedk/workflow/steps/watch.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace routedk::workflow {

/// A step's training: by likelihood and then, where the objective says so, from there by expected utility.
struct Phases {
  const Experiment& experiment;
  std::string name;                   ///< of the metrics' job
  std::filesystem::path folder;       ///< of the step: metrics
  std::filesystem::path checkpoints;  ///< the second phase's lie in a folder of them
  const experts::RoutedModel& model;
  const train::TrainConfig& config;
  std::vector<train::ParameterGroup> groups;
  GroupGates gates;
  std::vector<train::Example> validation;
  train::ValidationHook watch;

  /// `raw`: what answers are drawn to in the second phase; the first learns from `training`.
  void run(std::vector<train::Example> training, train::AugmentFn augment,
           std::vector<train::Example> raw) const;
  bool by_utility() const { return config.objective == train::ObjectiveKind::kExpectedUtility; }
};

/// As `lora` and `train` say: anew, or from `lora.init_adapter`; on the CPU.
std::shared_ptr<experts::Expert> new_expert(const std::string& name, const ExperimentConfig& config,
                                            const model::LlamaConfig& model);
/// What an expert's numbers depend on beside the training's settings and its examples.
io::Json expert_settings(const Experiment& experiment);

/// Trains a router over the frozen experts of `model` as `router` says, and saves it in `to`. `job` names the
/// metrics, `step` is the folder of these and of checkpoints.
void train_router(const Experiment& experiment, const experts::RoutedModel& model, const std::string& job,
                  const std::filesystem::path& step, const std::filesystem::path& to);

}  // namespace routedk::workflow
