/// A study's experiments side by side.
#pragma once

#include "routedk/workflow/experiment/experiment.h"
#include "routedk/workflow/experiment/study.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace routedk::workflow {

/// The experiments of a study's points, in order.
using PointExperiments = std::span<const std::unique_ptr<Experiment>>;

/// p-values of a family of tests, corrected for multiple testing (Holm 1979), in the same order.
std::vector<double> holm(const std::vector<double>& p_values);

/// The step that compares a study's experiments, with its key.
Step step_of_study(const Study& study, PointExperiments experiments);

/// ConfigError with every name in `compare` that matches no result of the study, and every variant evaluated
/// on other sessions than the first.
void check_comparisons(const Study& study);

/// Writes study.json and study.txt, to which the study's folder links, from the evaluations of its
/// experiments: every result over the seeds in each domain, and the pairs of `compare` with a paired
/// bootstrap over sessions, corrected by Holm. `experiments` are those of the study's points, already
/// evaluated.
void compare_step(const Study& study, PointExperiments experiments);

/// A study's outcome as text: its table; for one experiment, its summary and the path of its page or, with
/// `data.examples`, the paths of experts and router.
std::string outcome(const Study& study, PointExperiments experiments);

}  // namespace routedk::workflow
