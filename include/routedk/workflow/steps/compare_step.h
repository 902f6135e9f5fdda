/// A study's experiments side by side.
#pragma once

#include "routedk/workflow/experiment/experiment.h"
#include "routedk/workflow/experiment/study.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace routedk::workflow {

/// Those of a study's points, in their order.
using PointExperiments = std::span<const std::unique_ptr<Experiment>>;

/// Probabilities of a family of tests, corrected for their number (Holm 1979), in their order.
std::vector<double> holm(const std::vector<double>& p_values);

/// The step that compares a study's experiments, with its key.
Step step_of_study(const Study& study, PointExperiments experiments);

/// ConfigError with every name in `compare` that no result of the study will have, and with every variant
/// that is evaluated on other sessions than the first.
void check_comparisons(const Study& study);

/// Writes study.json and study.txt, of which links stand in the study's folder, from the evaluations of its
/// experiments: every result over the seeds in each domain, and the pairs of `compare` with a paired
/// bootstrap over sessions, corrected by Holm. `experiments` are those of the study's points, evaluated.
void compare_step(const Study& study, PointExperiments experiments);

/// What a study leaves, as text: its table; of one experiment its summary and where its page is, or with
/// `data.examples` where experts and router are.
std::string outcome(const Study& study, PointExperiments experiments);

}  // namespace routedk::workflow
