/// The model chosen by a command line or by a program that embeds the library (docs/embed.md).
#pragma once

#include "routedk/experts/routed_model.h"
#include "routedk/workflow/experiment/experiment_config.h"
#include "routedk/workflow/predict/predict.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace routedk::workflow {

/// The run's settings or the defaults, overridden by the choice's backbone and assignments. Also sets the
/// number of compute threads. Throws as ConfigSource and read_config do.
ExperimentConfig settings_of(const ModelChoice& choice);

/// Throws if a chosen folder, an adapter or the router of a run of several experts is missing; loads nothing.
void check_folders(const ModelChoice& choice, const ExperimentConfig& config);
/// The given adapter folders, or those of the run's experts; empty if there are neither.
std::vector<std::filesystem::path> adapter_folders(const ModelChoice& choice, const ExperimentConfig& config);

struct ChosenModel {
  experts::RoutedModel model;
  std::unique_ptr<experts::Gate> gate;
  std::vector<std::string> experts;  // [K], empty for the backbone alone
};

/// Loads backbone, experts and gate. Their errors pass through; ConfigError if a gate has no experts.
ChosenModel load_chosen(const ModelChoice& choice, const ExperimentConfig& config);

}  // namespace routedk::workflow
