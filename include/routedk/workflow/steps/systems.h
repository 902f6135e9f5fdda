/// What an evaluation compares, by the names in `eval.systems`.
#pragma once

#include "routedk/bundle/metrics.h"
#include "routedk/experts/gate.h"
#include "routedk/experts/routed_model.h"
#include "routedk/workflow/experiment/experiment.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace routedk::workflow {

/// Whether its answers come from a file: predictions:FILE.
bool is_predictions(const std::string& system);
/// Whether its gate weighs experts: average, router:FOLDER, random_experts and those that take the run's
/// router.
bool mixes(const std::string& system);

/// As experts::takes_router.
bool takes_router(const std::string& system);

/// The sessions that are evaluated.
std::vector<bundle::Session> evaluated_sessions(const Experiment& experiment);

/// What can be known before anything is answered: the run's router is of the kind named, numbers can be,
/// folders hold a router of this bank, files predictions for the whole split. Errors of each as they come.
void check_systems(const Experiment& experiment);
/// A hash of the contents of folders and files that systems name; those not there count too.
std::uint64_t hash_outside_systems(const std::vector<std::string>& systems);

/// A model ready to answer.
struct System {
  experts::RoutedModel model;
  std::unique_ptr<experts::Gate> gate;
};

/// With the experts that it needs. FileError and ConfigError as the files come.
System load_system(Experiment& experiment, const std::string& name);
/// Of predictions:FILE for the evaluated sessions; the file is about the whole split.
std::vector<bundle::Prediction> load_predictions(const Experiment& experiment, const std::string& system);

}  // namespace routedk::workflow
