/// The systems that an evaluation compares, by their names in `eval.systems`.
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

/// Whether a model samples candidates for it: all but predictions:FILE, itemsets and teacher.
bool has_candidates(const std::string& system);
/// Whether its gate weights experts: average, router:FOLDER, random_experts, permuted and those that use the
/// run's router.
bool mixes(const std::string& system);

/// Whether each session is answered under the weights of another one.
bool is_permuted(const std::string& system);
/// The name of the run's router in `eval.systems`: dynamic or static.
std::string router_system(const ExperimentConfig& config);

/// As experts::takes_router.
bool takes_router(const std::string& system);

/// The evaluated sessions, or the user's own examples.
std::vector<bundle::Session> evaluated_sessions(const Experiment& experiment);
std::vector<TaskItem> evaluated_items(const Experiment& experiment);

/// Checks before anything is answered: the run's router is of the kind named, numbers are valid, folders hold
/// a router of this bank, prediction files cover the whole split. Errors pass through.
void check_systems(const Experiment& experiment);

/// ConfigError if an evaluation would have no sessions to ask.
void require_sessions_to_ask(const Experiment& experiment);
/// A hash of the contents of folders and files that systems name, including which are missing.
std::uint64_t hash_outside_systems(const std::vector<std::string>& systems);

/// A model ready to answer.
struct System {
  experts::RoutedModel model;
  std::unique_ptr<experts::Gate> gate;
};

/// Loads a system with the experts that it needs. FileError and ConfigError pass through.
System load_system(Experiment& experiment, const std::string& name);
/// The predictions of a system without candidates for the evaluated sessions: from predictions:FILE, which
/// covers the whole split, from itemsets of the training sessions' categories, or from the teacher, whose
/// step must be done.
std::vector<bundle::Prediction> predictions_of(const Experiment& experiment, const std::string& system);

}  // namespace routedk::workflow
