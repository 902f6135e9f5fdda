/// What every program shares: its settings from YAML and --set, and exit codes for errors.
#pragma once

#include "routedk/workflow/experiment/experiment.h"

#include <functional>
#include <string>
#include <vector>

namespace routedk::workflow {

/// The options that every program with an experiment's YAML takes.
struct ProgramOptions {
  std::string config;                    ///< YAML file; empty: all defaults
  std::vector<std::string> assignments;  ///< --set a.b=value
  bool dump_config = false;              ///< print the effective settings and stop
  bool dry_run = false;                  ///< print what would be done and stop
  bool redo = false;                     ///< forget the program's own step and those after it first
  std::string shard;                     ///< I/N or auto: this part of the sessions alone
  bool merge = false;                    ///< put the parts of others together
};

/// Reads the settings, then dumps them, prints the plan, or opens the experiment for `work`. ConfigError
/// where a launcher started several processes.
void with_experiment(const ProgramOptions& options, const std::function<void(Experiment&)>& work);
/// The same for the program of one step, which `options.redo` forgets first. Processes that a launcher
/// started together (parallel/launch.h) train together; ConfigError for steps other than a training.
void with_step(const ProgramOptions& options, StepKind step, const std::function<void(Experiment&)>& work);

/// Prints what to do next as the last line on stderr.
void say_next(const std::string& text);
/// What a run that has done its steps is for, as say_next takes it.
std::string what_a_run_is_for(const Experiment& experiment);

/// "routedk 0.2.0 (LibTorch 2.11.0, CPU)"
std::string version_text();

/// Runs a program's body; an exception becomes one "error: ..." line on stderr and its exit code.
int run_program(const std::function<void()>& body) noexcept;

}  // namespace routedk::workflow
