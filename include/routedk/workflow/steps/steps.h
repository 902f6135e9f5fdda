/// The experiment's steps in their order: distil -> train -> router -> controls -> evaluate. Each records
/// that it is done and under which settings; a done step is skipped, a step cut off goes on where it stopped.
#pragma once

#include "routedk/workflow/experiment/experiment.h"

#include <string>
#include <vector>

namespace routedk::workflow {

/// "distil", "train", "router", "controls", "evaluate".
const std::vector<std::string>& step_names();

/// The teacher writes rules and a thought about every training session.
void distil_step(Experiment& experiment);
/// What the store of the run folder holds, as JSON: counts, failures, effort, what gives gold away, the
/// domain's rules. FileError where there is no store.
std::string distil_report(Experiment& experiment);
/// The teacher's own metrics on a split, as JSON: the bar that what it teaches can reach. Its answers stay in
/// teacher-SPLIT.jsonl, where a second call finds them. ConfigError for held-out sessions unless
/// `teacher.held_out` says so, and for annotations, which have no answers of their own.
std::string evaluate_teacher(Experiment& experiment, bundle::SplitPart split);
/// Trains the named experts, those not done yet all at once on one backbone.
void train_step(Experiment& experiment, const std::vector<std::string>& experts);
/// The experts that `name` stands for: all of them, or that one. ConfigError when `experts` has no such name.
std::vector<std::string> experts_named(const ExperimentConfig& config, const std::string& name);
/// Trains the router over the frozen experts.
void router_step(Experiment& experiment);
/// The systems of the evaluation that have a training of their own: random_experts, one_lora_on_router_data.
std::vector<std::string> trained_controls(const ExperimentConfig& config);
/// Trains them, those not done yet one after another.
void controls_step(Experiment& experiment);
/// Answers the split's sessions with every system, chooses by every rule among every number of samples asked
/// for, and writes results.json and the table as results.txt, .md and .html. Training and choosing with
/// verifiers comes first where `verifier` is among the rules.
void evaluate_step(Experiment& experiment);

/// All steps, or with `data.examples` train and router. `from`, when not empty, redoes that step and those
/// after it.
void run_experiment(Experiment& experiment, const std::string& from);

/// What a whole run leaves, as text: the summary of results and where their page is, or with `data.examples`
/// where experts and router are.
std::string outcome(const Experiment& experiment);

/// What would be done, as text: data, parameters trained and frozen, optimiser steps, tokens of a step,
/// memory by kind, systems, run folder, and which steps are done already.
std::string plan(Experiment& experiment);

/// Whether a step is done under the present settings; opens no run folder that is not there.
bool is_done(Experiment& experiment, const std::string& step);
/// Forgets a step and those after it, with their files. ConfigError when there is no such step.
void forget_from(Experiment& experiment, const std::string& step);

/// Steps are recorded by name, the experts of `train` and the systems of `controls` one by one: "train-NAME".
/// Opens a step: false when it is done already. ConfigError when it was begun, or done, under settings whose
/// numbers would differ. Otherwise the effective settings are written to the run folder.
bool begin_step(Experiment& experiment, const std::string& step);
/// ConfigError, naming the program to run, unless the step is done under the present settings.
void require_done(Experiment& experiment, const std::string& step, const std::string& program);
/// ConfigError where the experiment learns from `data.examples`: the step works on bundle data only.
void require_sessions(const Experiment& experiment, const std::string& step);
/// Records that the steps are done under the present settings, all at once.
void mark_done(Experiment& experiment, const std::vector<std::string>& steps);

}  // namespace routedk::workflow
