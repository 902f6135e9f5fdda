/// What each step of an experiment does. A done step is skipped, a step cut off goes on where it stopped.
#pragma once

#include "routedk/bundle/metrics.h"
#include "routedk/workflow/experiment/experiment.h"

#include <string>
#include <vector>

namespace routedk::workflow {

/// The teacher writes rules and a thought about every training session.
void distil_step(Experiment& experiment);
/// What the store of the run folder holds, as JSON: counts, failures, effort, what gives gold away, the
/// domain's rules. FileError where there is no store.
std::string distil_report(Experiment& experiment);
/// The teacher's own metrics on a split, as JSON: the bar that what it teaches can reach. Its answers stay in
/// teacher-SPLIT.jsonl, where a second call finds them. ConfigError for held-out sessions unless
/// `teacher.held_out` says so, and for annotations, which have no answers of their own.
std::string evaluate_teacher(Experiment& experiment, bundle::SplitPart split);
/// The two ConfigErrors of evaluate_teacher.
void check_teacher_answers(const ExperimentConfig& config, bundle::SplitPart split);
/// What a teacher would refuse before it writes: ConfigError where its key's variable is not set, FileError
/// where its model's file or tokenizer cannot be read. Asks nobody and loads no weights.
void check_teacher(const ExperimentConfig& config);
/// What the teacher answered for the evaluated sessions of the split; evaluate_teacher must be done.
std::vector<bundle::Prediction> teacher_answers(const Experiment& experiment, bundle::SplitPart split);
/// Trains the named experts, those not done yet all at once on one backbone.
void train_step(Experiment& experiment, const std::vector<std::string>& experts);
/// The experts that `name` stands for: all of them, or that one. ConfigError when `experts` has no such name.
std::vector<std::string> experts_named(const ExperimentConfig& config, const std::string& name);
/// Trains the router over the frozen experts.
void router_step(Experiment& experiment);
/// The systems of the evaluation that have a training of their own: random_experts, one_lora_on_router_data.
std::vector<std::string> trained_controls(const ExperimentConfig& config);
/// Trains one of them.
void control_step(Experiment& experiment, const std::string& name);
/// Trains them, those not done yet one after another.
void controls_step(Experiment& experiment);
/// With `watch.conflict`: trains one expert on rules and thoughts together by likelihood and, after each
/// step, compares its gradients on the same sessions under each kind of knowledge; then its parameters with
/// those of the bank's experts. conflict.json.
void conflict_step(Experiment& experiment);
/// With `watch.probe`: how much of length, title similarity and number of intents of the evaluated sessions a
/// ridge regression on the router's pooled input foretells, by layer. probe.json.
void probe_step(Experiment& experiment);
/// What to set where no example is kept for an evaluation.
inline constexpr const char* kNothingToEvaluate =
    "no example is kept for it: set data.test_examples or data.validation_examples, or data.holdout to a "
    "share "
    "of at least 1 line of an expert";

/// A system's candidates for the evaluated sessions or examples. Training the verifier that scores them comes
/// first where `verifier` is among the rules.
void answer_step(Experiment& experiment, const std::string& system);
/// What the answer steps of all systems have found, after those not done yet: choices by every rule among
/// every number of samples asked for, results.json and the table as results.txt, .md and .html. ConfigError
/// where no example is kept for it.
void evaluate_step(Experiment& experiment);

/// Does a step whose inputs are done; of the teacher's own answers that of the evaluated split.
void do_step(Experiment& experiment, const StepId& id);

/// What would be done, as text: data, parameters trained and frozen, optimiser steps, tokens of a step,
/// memory by kind, systems, run folder, and which steps are done already.
std::string plan(Experiment& experiment);

/// Whether a step is done under the present settings.
bool is_done(const Experiment& experiment, const StepId& id);
/// Removes from the store the experiment's steps of this kind and of those after it, but for what a teacher
/// wrote. UserError where another process works on one.
void forget_from(const Experiment& experiment, StepKind first);

/// Opens a step and names it in the run folder: false when it is done already. UserError when another process
/// works on it.
bool begin_step(Experiment& experiment, const StepId& id);
/// The UserError of begin_step.
void require_free(const Experiment& experiment, const StepId& id);
/// ConfigError, naming the program to run, unless the step is done under the present settings.
void require_done(const Experiment& experiment, const StepId& id, const std::string& program);
/// ConfigError where the experiment learns from `data.examples`: the step works on bundle data only.
void require_sessions(const Experiment& experiment, StepKind kind);
/// Records that open steps are done.
void mark_done(Experiment& experiment, const std::vector<StepId>& ids);

}  // namespace routedk::workflow
