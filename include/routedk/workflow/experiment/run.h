/// Runs the steps of experiments: what is done is skipped, what other processes work on is left to them.
#pragma once

#include "routedk/workflow/experiment/experiment.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace routedk::workflow {

struct RunOptions {
  std::optional<StepKind> from;  ///< this kind of step and those after it are done again
  std::string only;              ///< one step by its name, "train-base"; its inputs must be done
  bool keep_going = false;       ///< when a step fails, do what does not need it, then throw
};

/// Does the steps that the experiments' outcomes need. Several processes may run the same experiments on one
/// store: each takes steps that no other works on, and waits where all that is left is under way elsewhere.
/// Experts of one experiment that are to be trained are trained in one batch. What a step throws is thrown
/// on, with `keep_going` once nothing else can be done.
void run_experiments(std::span<const std::unique_ptr<Experiment>> experiments, const RunOptions& options);
/// The checks that come before any step, and forgetting what is to be done again: for processes that then
/// share the steps.
void prepare_experiments(std::span<const std::unique_ptr<Experiment>> experiments, const RunOptions& options);
/// The checks alone.
void check_experiments(std::span<const std::unique_ptr<Experiment>> experiments, const RunOptions& options);
void run_experiment(Experiment& experiment, const RunOptions& options = {});

/// A line a step: its name, whose it is, whether it is done (cached), under way or to do and what is missing,
/// seconds and memory where they were measured or a like step's in the store allow a guess.
std::string plan_table(std::span<const std::unique_ptr<Experiment>> experiments);

/// The steps in the store that none of these experiments uses, nor is one of `others`, with their sizes: a
/// line a step and a sum.
std::string unreferenced(std::span<const std::unique_ptr<Experiment>> experiments,
                         const std::vector<Step>& others);

}  // namespace routedk::workflow
