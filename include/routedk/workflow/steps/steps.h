/// What each step of an experiment does. A finished step is skipped, an interrupted one resumes.
#pragma once

#include "routedk/bundle/metrics.h"
#include "routedk/workflow/experiment/experiment.h"

#include <map>
#include <string>
#include <vector>

namespace routedk::workflow {

/// The teacher writes rules and a thought about every training session.
void distil_step(Experiment& experiment);
/// Statistics of the knowledge store in the run folder, as JSON: counts, failures, effort, leaks of gold, the
/// domain's rules. FileError if there is no store.
std::string distil_report(Experiment& experiment);
/// The teacher's own metrics on a split, as JSON: an upper bound for its students. Its answers are kept in
/// teacher-SPLIT.jsonl and reused by later calls. ConfigError for held-out sessions unless `teacher.held_out`
/// allows them, and for annotations, which have no answers of their own.
std::string evaluate_teacher(Experiment& experiment, bundle::SplitPart split);
/// Throws the two ConfigErrors of evaluate_teacher.
void check_teacher_answers(const ExperimentConfig& config, bundle::SplitPart split);
/// Early checks of a teacher: ConfigError if its key's variable is not set, FileError if its model's file or
/// tokenizer cannot be read. Sends no request and loads no weights.
void check_teacher(const ExperimentConfig& config);
/// The teacher's answers for the evaluated sessions of the split; evaluate_teacher must be done.
std::vector<bundle::Prediction> teacher_answers(const Experiment& experiment, bundle::SplitPart split);
/// Where experts that are trained together keep their checkpoints: in the folder of the first, named after
/// the keys of all, because the same expert may later be trained with others.
std::filesystem::path checkpoints_of(const Experiment& experiment, const std::vector<StepId>& ids);
/// Trains the named experts that are not yet done, all at once on one backbone.
void train_step(Experiment& experiment, const std::vector<std::string>& experts);
/// For checks before anything is written: FileError unless the PEFT folders that are experts, or that experts
/// start from, fit the backbone.
void require_adapters_fit(const Experiment& experiment);
/// The experts that `name` selects: all of them, or that one. ConfigError if `experts` has no such name.
std::vector<std::string> experts_named(const ExperimentConfig& config, const std::string& name);
/// ConfigError unless there is something to route between.
void require_several_experts(const ExperimentConfig& config);
/// Trains the router over the frozen experts.
void router_step(Experiment& experiment);
/// The systems of the evaluation with their own training: random_experts, one_lora_on_router_data.
std::vector<std::string> trained_controls(const ExperimentConfig& config);
/// Trains one of them.
void control_step(Experiment& experiment, const std::string& name);
/// Trains the unfinished ones, one after another.
void controls_step(Experiment& experiment);
/// With `watch.conflict`: trains one expert on rules and thoughts together by likelihood and, after each
/// step, compares its gradients on the same sessions under each kind of knowledge; at the end, compares its
/// parameters with those of the bank's experts. Writes conflict.json.
void conflict_step(Experiment& experiment);
/// With `watch.probe`: how well a ridge regression on the router's pooled input predicts length, title
/// similarity and number of intents of the evaluated sessions, by layer. Writes probe.json.
void probe_step(Experiment& experiment);
/// What to set if no example is held out for evaluation.
inline constexpr const char* kNothingToEvaluate =
    "no example is kept for it: set data.test_examples or data.validation_examples, or data.holdout to a "
    "share "
    "of at least 1 line of an expert";

/// Throws the ConfigError of require_done unless the experts, the router and the control of a system are
/// done.
void require_trained(const Experiment& experiment, const std::string& system);
/// A system's candidates for the evaluated sessions or examples. If `verifier` is among the rules, first
/// trains the verifier that scores them.
void answer_step(Experiment& experiment, const std::string& system);
/// Runs the unfinished answer steps of all systems, then writes the choices by every rule among every number
/// of samples requested, results.json and the table as results.txt, .md and .html. ConfigError if no example
/// is held out for it; before anything is answered, if a system is not trained under the present settings.
void evaluate_step(Experiment& experiment);

/// Runs a step whose inputs are done; the teacher's own answers are those of the evaluated split.
void do_step(Experiment& experiment, const StepId& id);

/// The plan as text: data, parameters trained and frozen, optimiser steps, tokens per step, memory by kind,
/// systems, run folder, and the steps already done; those from `repeated` on are to be done again.
std::string plan(Experiment& experiment, std::optional<StepKind> repeated = std::nullopt);

/// Whether a step is done under the current settings.
bool is_done(const Experiment& experiment, const StepId& id);
/// Removes from the store the experiment's steps of this kind and of those after it, except what a teacher
/// wrote. UserError if another process works on one.
void forget_from(const Experiment& experiment, StepKind first);

/// Opens a step and links it in the run folder; false if it is already done. UserError if another process
/// works on it.
bool begin_step(Experiment& experiment, const StepId& id);
/// Throws the UserError of begin_step.
void require_free(const Experiment& experiment, const StepId& id);
/// What makes a step to do another one than the last of its name, in this run folder or, where that has none,
/// in the store, whose records of the kind are given: "changed since this run's last: train.epochs: 1 -> 3".
/// "" if there is no such step, or if it has the same settings. FileError.
std::string what_changed(const Experiment& experiment, const Step& step,
                         const std::map<std::string, io::JsonField>& records);
/// ConfigError, naming the program to run and what changed, unless the step is done under the current
/// settings.
void require_done(const Experiment& experiment, const StepId& id, const std::string& program);
/// ConfigError if the experiment learns from `data.examples`: the step works on bundle data only.
void require_sessions(const Experiment& experiment, StepKind kind);
/// Marks open steps as done.
void mark_done(Experiment& experiment, const std::vector<StepId>& ids);

}  // namespace routedk::workflow
