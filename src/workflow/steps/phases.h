/// How a step trains groups of parameters.
#pragma once

#include "routedk/train/group_trainer.h"
#include "routedk/workflow/experiment/experiment.h"
#include "routedk/workflow/steps/watch.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace routedk::workflow {

/// A step's training: by likelihood and then, if the objective says so, by expected utility.
struct Phases {
  const Experiment& experiment;
  std::string name;                   ///< the job's name in the metrics
  std::filesystem::path folder;       ///< the step's, for the metrics
  std::filesystem::path checkpoints;  ///< the second phase has a subfolder
  const experts::RoutedModel& model;
  const train::TrainConfig& config;
  std::vector<train::ParameterGroup> groups;
  GroupGates gates;
  std::vector<train::Example> validation;
  train::ValidationHook watch;

  /// `raw`: prompts for which answers are sampled in the second phase; the first learns from `training`.
  void run(std::vector<train::Example> training, train::AugmentFn augment,
           std::vector<train::Example> raw) const;
  bool by_utility() const { return config.objective == train::ObjectiveKind::kExpectedUtility; }
};

/// As set by `lora` and `train`: new, or from `lora.init_adapter`; on the CPU.
std::shared_ptr<experts::Expert> new_expert(const std::string& name, const ExperimentConfig& config,
                                            const model::LlamaConfig& model);
/// What an expert's numbers depend on besides the training's settings and examples.
io::Json expert_settings(const Experiment& experiment);

/// Trains a router over the frozen experts of `model` with the settings `router`, and saves it in `to`. `job`
/// is the name in the metrics; `step` is the folder of metrics and checkpoints.
void train_router(const Experiment& experiment, const experts::RoutedModel& model, const std::string& job,
                  const std::filesystem::path& step, const std::filesystem::path& to);

}  // namespace routedk::workflow
