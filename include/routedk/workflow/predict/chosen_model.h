/// The model that a command line, or a program that embeds the library, chose (docs/embed.md).
#pragma once

#include "routedk/experts/routed_model.h"
#include "routedk/workflow/experiment/experiment_config.h"
#include "routedk/workflow/predict/predict.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace routedk::workflow {

/// The settings of the run or the defaults, with the choice's backbone and assignments over them. Also sets
/// the threads of computation. Errors as ConfigSource and read_config.
ExperimentConfig settings_of(const ModelChoice& choice);

/// Errors where a folder of the choice, an adapter or the run's router, is not there; loads nothing.
void check_folders(const ModelChoice& choice, const ExperimentConfig& config);
/// The adapters' folders: the given ones, or those of the run's experts; none where there are neither.
std::vector<std::filesystem::path> adapter_folders(const ModelChoice& choice, const ExperimentConfig& config);

struct ChosenModel {
  experts::RoutedModel model;
  std::unique_ptr<experts::Gate> gate;
  std::vector<std::string> experts;  // [K], empty for the backbone alone
};

/// Loads backbone, experts and gate. Errors of each as they come; ConfigError when a gate has no experts.
ChosenModel load_chosen(const ModelChoice& choice, const ExperimentConfig& config);

}  // namespace routedk::workflow
