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

/// Whether a model draws candidates for it: all but predictions:FILE, itemsets and teacher.
bool has_candidates(const std::string& system);
/// Whether its gate weighs experts: average, router:FOLDER, random_experts, permuted and those that take the
/// run's router.
bool mixes(const std::string& system);

/// Whether each session is answered under the weights of another one.
bool is_permuted(const std::string& system);
/// What `eval.systems` calls the run's router: dynamic or static.
std::string router_system(const ExperimentConfig& config);

/// As experts::takes_router.
bool takes_router(const std::string& system);

/// The sessions that are evaluated, or the examples of the user's own.
std::vector<bundle::Session> evaluated_sessions(const Experiment& experiment);
std::vector<TaskItem> evaluated_items(const Experiment& experiment);

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
/// Of a system without candidates for the evaluated sessions: of predictions:FILE, which is about the whole
/// split, of itemsets of the training sessions' categories, or of the teacher, whose step must be done.
std::vector<bundle::Prediction> predictions_of(const Experiment& experiment, const std::string& system);

}  // namespace routedk::workflow
