#include "routedk/workflow/experiment/run_program.h"

#include "routedk/core/config.h"
#include "routedk/core/error.h"
#include "routedk/core/stop_signal.h"
#include "routedk/workflow/experiment/program.h"
#include "routedk/workflow/experiment/study.h"
#include "routedk/workflow/steps/compare_step.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <thread>
#include <utility>

#include <ATen/Parallel.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace routedk::workflow {
namespace {

using Experiments = std::vector<std::unique_ptr<Experiment>>;

int threads_of_worker(const RunProgramOptions& options) {
  return std::max(1, at::get_num_threads() / options.jobs);
}

/// The arguments for a worker process, without those that only the first process handles.
std::vector<std::string> arguments_of_worker(const RunProgramOptions& options) {
  std::vector<std::string> arguments{"--threads", fmt::format("{}", threads_of_worker(options))};
  for (std::size_t i = 0; i < options.arguments.size(); ++i) {
    const std::string& argument = options.arguments[i];
    if (argument == "--jobs" || argument == "--from" || argument == "--threads") {
      ++i;  // its value
    } else if (!argument.starts_with("--jobs=") && !argument.starts_with("--from=") &&
               !argument.starts_with("--threads=")) {
      arguments.push_back(argument);
    }
  }
  return arguments;
}

/// Starts this program again; it ends when this process does. Its standard output is discarded.
pid_t start_worker(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"routedk-run"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv(words.size() + 1, nullptr);
  std::transform(words.begin(), words.end(), argv.begin(), [](std::string& word) { return word.data(); });
  const pid_t child = ::fork();
  if (child < 0) {
    throw_<SystemError>("a process for --jobs must be started, but the system says: {}.",
                        std::error_code(errno, std::system_category()).message());
  }
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int nowhere = ::open("/dev/null", O_WRONLY);
    ::dup2(nowhere, STDOUT_FILENO);
    ::execv("/proc/self/exe", argv.data());
    ::_exit(1);
  }
  return child;
}

/// The exit status of each. Signals that arrive meanwhile are forwarded to those still running.
std::vector<int> statuses_of(const std::vector<pid_t>& workers) {
  std::vector<int> statuses;
  bool handed_on = false;
  for (auto worker = workers.begin(); worker != workers.end(); ++worker) {
    int status = 0;
    while (::waitpid(*worker, &status, WNOHANG) == 0) {
      if (StopSignals::received() != 0 && !std::exchange(handed_on, true)) {
        std::for_each(worker, workers.end(), [](pid_t left) { ::kill(left, SIGTERM); });
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    statuses.push_back(status);
  }
  return statuses;
}

/// Lets `jobs` processes share the steps. UserError if one exited with 2, Error if one failed otherwise.
void share_steps(const RunProgramOptions& options) {
  const std::vector<std::string> arguments = arguments_of_worker(options);
  ::setenv("TERM", "dumb", 1);  // several progress lines cannot share the terminal
  const StopSignals signals;    // the worker processes respond to them
  std::vector<pid_t> workers(static_cast<std::size_t>(options.jobs));
  std::generate(workers.begin(), workers.end(), [&] { return start_worker(arguments); });
  int failed = 0;
  bool by_user = false;
  for (const int status : statuses_of(workers)) {
    const bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    failed += well ? 0 : 1;
    by_user = by_user || (WIFEXITED(status) && WEXITSTATUS(status) == 2);
  }
  if (const int signal = StopSignals::received(); signal != 0) {
    throw Interrupted(signal,
                      fmt::format("signal {} stopped the processes; run it again to continue", signal));
  }
  constexpr const char* kMessage = "all processes of --jobs must end well, but {} of {} did not: see above";
  if (by_user) {
    throw_<UserError>(kMessage, failed, options.jobs);
  }
  if (failed > 0) {
    throw_<Error>(kMessage, failed, options.jobs);
  }
}

void print_settings(const std::vector<Study>& studies) {
  for (const Study& study : studies) {
    for (const Point& point : study.points) {
      if (!study.alone) {
        fmt::print("--- # {} {}\n", study.name, point.name);
      }
      fmt::print("{}", dump_config(point.config));
    }
  }
}

Experiments open_all(const std::vector<Study>& studies, const Shard& shard) {
  Experiments experiments;
  for (const Study& study : studies) {
    for (const Point& point : study.points) {
      experiments.push_back(std::make_unique<Experiment>(point.config, Place{{}, shard}));
    }
  }
  return experiments;
}

/// Calls visit(study, its experiments).
template <typename Visit>
void for_each_study(const std::vector<Study>& studies, const Experiments& experiments, const Visit& visit) {
  std::size_t first = 0;
  for (const Study& study : studies) {
    visit(study, std::span(experiments).subspan(first, study.points.size()));
    first += study.points.size();
  }
}

std::vector<Step> comparisons_of(const std::vector<Study>& studies, const Experiments& experiments) {
  std::vector<Step> steps;
  for_each_study(studies, experiments, [&](const Study& study, auto own) {
    if (!study.alone) {
      steps.push_back(step_of_study(study, own));
    }
  });
  return steps;
}

/// Whether other shards still have to do something that the outcomes need; prints that if so.
bool some_left_to_others(const Experiments& experiments) {
  std::vector<std::string> left;
  for (const auto& experiment : experiments) {
    for (const Step* step : needed_steps(experiment->steps())) {
      if (!experiment->store().done(*step)) {
        left.push_back(to_string(step->id));
      }
    }
  }
  if (!left.empty()) {
    spdlog::info("this shard is finished; remaining: {}. Start the shards again once all have ended",
                 fmt::join(left, ", "));
  }
  return !left.empty();
}

void check_shard(const RunProgramOptions& options) {
  if (!options.shard.empty() && (options.jobs > 1 || options.run.from)) {
    throw_<ConfigError>(
        "--shard must be without --jobs and --from: start each shard as a process of its own");
  }
}

void run_all(const RunProgramOptions& options, const Experiments& experiments) {
  RunOptions run = options.run;
  if (options.jobs > 1) {
    prepare_experiments(experiments, run);
    run.from.reset();
    share_steps(options);
  }
  run_experiments(experiments, run);
}

}  // namespace

void run_studies(const RunProgramOptions& options) {
  check_shard(options);
  const std::vector<Study> studies = read_studies(options.files, options.assignments);
  if (options.dump_config) {
    return print_settings(studies);
  }
  for (const Study& study : studies) {
    check_comparisons(study);
  }
  const Experiments experiments = open_all(studies, shard_of_process(options.shard, false, true));
  if (options.plan) {
    for (const auto& experiment : experiments) {
      experiment->warn_of_other_data();
      if (experiment->evaluates()) {
        check_systems(*experiment);
      }
    }
    const bool whole = options.run.only.empty();
    fmt::print("{}", plan_table(experiments, options.run,
                                whole ? comparisons_of(studies, experiments) : std::vector<Step>()));
    return;
  }
  if (options.gc) {
    fmt::print("{}", unreferenced(experiments, comparisons_of(studies, experiments)));
    return;
  }
  if (options.dry_run) {
    check_experiments(experiments, options.run);
    at::set_num_threads(threads_of_worker(options));
    for (const auto& experiment : experiments) {
      if (options.run.only.empty()) {
        require_sessions_to_ask(*experiment);
      }
      fmt::print("{}", plan(*experiment, options.run.from));
    }
    if (!options.run.only.empty()) {
      fmt::print("of these, only {} is done now (--only)\n", only_step(experiments, options.run.only));
    }
    return;
  }
  run_all(options, experiments);
  if (!options.run.only.empty() || some_left_to_others(experiments)) {
    return;
  }
  if (options.run.from) {
    for (const Step& step : comparisons_of(studies, experiments)) {
      experiments.front()->store().remove(step);
    }
  }
  for_each_study(studies, experiments, [](const Study& study, auto own) {
    if (!study.alone) {
      compare_step(study, own);
    }
    fmt::print("{}", outcome(study, own));
  });
  if (experiments.size() == 1 && studies.front().alone) {
    say_next(what_a_run_is_for(*experiments.front()));
  }
}

}  // namespace routedk::workflow
