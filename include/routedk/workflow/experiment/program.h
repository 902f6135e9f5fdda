/// Common to all programs: settings from YAML and --set, and exit codes for errors.
#pragma once

#include "routedk/workflow/experiment/experiment.h"

#include <functional>
#include <string>
#include <vector>

namespace routedk::workflow {

/// For ProgramOptions::expert.
inline constexpr const char* kAllExperts = "all";

/// The options that every program with an experiment's YAML takes.
struct ProgramOptions {
  std::string config;                    ///< YAML file; if empty, all defaults
  std::vector<std::string> assignments;  ///< --set a.b=value
  bool dump_config = false;              ///< print the effective settings and stop
  bool dry_run = false;                  ///< print the plan and stop
  bool redo = false;                     ///< first discard the program's own step and those after it
  std::string expert = kAllExperts;      ///< train only this expert
  std::string shard;                     ///< I/N or auto: process only this part of the sessions
  bool merge = false;                    ///< merge the parts of other processes
};

/// Reads the settings, then prints them, prints the plan, or opens the experiment and calls `work`.
/// ConfigError if a launcher started several processes.
void with_experiment(const ProgramOptions& options, const std::function<void(Experiment&)>& work);
/// The same for the program of one step, which `options.redo` discards first. Processes that a launcher
/// started together (parallel/launch.h) train together; ConfigError for steps other than training.
void with_step(const ProgramOptions& options, StepKind step, const std::function<void(Experiment&)>& work);

/// Prints the suggested next command as the last line on stderr.
void say_next(const std::string& text);
/// What to do with a finished run, for say_next.
std::string what_a_run_is_for(const Experiment& experiment);

/// "routedk 0.2.0 (LibTorch 2.11.0, CPU)"
std::string version_text();

/// Runs a program's body; reports an exception as one "error: ..." line on stderr and returns its exit code.
int run_program(const std::function<void()>& body) noexcept;

}  // namespace routedk::workflow
