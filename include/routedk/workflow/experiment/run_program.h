/// The command line of routedk-run, executed.
#pragma once

#include "routedk/workflow/experiment/run.h"

#include <string>
#include <vector>

namespace routedk::workflow {

struct RunProgramOptions {
  std::vector<std::string> files;        ///< studies; if empty, one experiment with all defaults
  std::vector<std::string> assignments;  ///< --set a.b=value
  bool dump_config = false;              ///< print the effective settings and stop
  bool dry_run = false;                  ///< print what each experiment would do and stop
  bool plan = false;                     ///< print the table of steps and stop
  bool gc = false;    ///< print the steps in the store that no given experiment uses and stop
  int jobs = 1;       ///< processes
  std::string shard;  ///< I/N or auto: process only this part of the sessions in distil and answer steps
  RunOptions run;
  std::vector<std::string> arguments;  ///< as given, for the other processes
};

/// Reads all files, then prints what was asked for, or runs every step that the outcomes need, compares each
/// study's experiments and prints the results. Errors pass through.
void run_studies(const RunProgramOptions& options);

}  // namespace routedk::workflow
