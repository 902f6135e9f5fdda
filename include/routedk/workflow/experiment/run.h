/// Runs the steps of experiments; skips finished steps and those that other processes work on.
#pragma once

#include "routedk/workflow/experiment/experiment.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace routedk::workflow {

struct RunOptions {
  std::optional<StepKind> from;  ///< run this kind of step and those after it again
  std::string only;              ///< only this step, "train-base"; its inputs must be done
  bool keep_going = false;       ///< after a failure, run the steps that do not depend on it, then throw
};

/// Runs the steps that the experiments' outcomes need. Several processes may run the same experiments on one
/// store: each takes steps that no other works on, and waits while all remaining ones are being run
/// elsewhere. The untrained experts of one experiment are trained in one batch. Exceptions of a step are
/// rethrown; with `keep_going`, only after everything else that can run has run.
void run_experiments(std::span<const std::unique_ptr<Experiment>> experiments, const RunOptions& options);
/// Runs the checks that come before any step and discards what is to be run again; for processes that then
/// share the steps.
void prepare_experiments(std::span<const std::unique_ptr<Experiment>> experiments, const RunOptions& options);
/// Only the checks.
void check_experiments(std::span<const std::unique_ptr<Experiment>> experiments, const RunOptions& options);
void run_experiment(Experiment& experiment, const RunOptions& options = {});

/// The step, as `train-base`, that --only names, itself or by its program. ConfigError if it is no step of
/// these experiments.
std::string only_step(std::span<const std::unique_ptr<Experiment>> experiments, const std::string& given);

/// One line per step that a run with these options would need: name, experiment, state (cached, running, or
/// to do and what is missing), and seconds and memory if measured or if a similar step in the store allows an
/// estimate; then the comparisons of studies. ConfigError if `only` is no step.
std::string plan_table(std::span<const std::unique_ptr<Experiment>> experiments,
                       const RunOptions& options = {}, std::span<const Step> comparisons = {});

/// The steps in the store that neither these experiments nor `others` use, with their sizes: one line per
/// step, and the total.
std::string unreferenced(std::span<const std::unique_ptr<Experiment>> experiments,
                         const std::vector<Step>& others);

}  // namespace routedk::workflow
