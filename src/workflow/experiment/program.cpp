#include "routedk/workflow/experiment/program.h"

#include "routedk/core/command_line.h"
#include "routedk/core/config.h"
#include "routedk/core/error.h"
#include "routedk/core/log.h"
#include "routedk/core/shipped.h"
#include "routedk/core/stop_signal.h"
#include "routedk/core/terminal.h"
#include "routedk/kernels/cpu/capability.h"
#include "routedk/kernels/gpu.h"
#include "routedk/workflow/experiment/graph.h"
#include "routedk/workflow/experiment/study.h"
#include "routedk/workflow/experiment/threads.h"
#include "routedk/workflow/steps/steps.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <new>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>

#include "plan_checks.h"
#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <torch/version.h>

namespace routedk::workflow {
namespace {

/// Keeps freed memory in the process, since the kernel would clear returned pages on every reuse: 13 % of a
/// training step on two cores. 32 MiB is the largest mmap threshold that glibc accepts; -1 disables trimming.
void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, -1);
}

/// The world of the processes that a launcher started together. Ranks above 0 log only errors.
parallel::World join_world(const RunConfig& run) {
  const auto launch = parallel::launch_from_environment();
  if (!launch) {
    return {};
  }
  if (const auto gpu = parallel::gpu_of(parallel::environment)) {  // before CUDA reads it
    ::setenv("CUDA_VISIBLE_DEVICES", gpu->c_str(), 1);
  }
  parallel::World world(*launch,
                        {std::chrono::seconds(run.join_seconds), std::chrono::seconds(run.exchange_seconds)});
  if (!world.first()) {
    spdlog::set_level(spdlog::level::err);
  }
  spdlog::info("{} processes train together", world.size());
  return world;
}

/// The file and the assignments as arguments for another program.
std::string words_of(const ProgramOptions& options) {
  std::string words = options.config.empty() ? "" : " " + options.config;
  for (const std::string& assignment : options.assignments) {
    words += fmt::format(" --set '{}'", assignment);
  }
  return words;
}

/// The program to run after that of a finished step.
std::string next_program(StepKind done, const Experiment& experiment) {
  const auto is_to_do = [&](const Step& step) {
    return step.id.kind == StepKind::kTrain && !is_done(experiment, step.id);
  };
  const std::vector<Step>& steps = experiment.steps();
  if (std::any_of(steps.begin(), steps.end(), is_to_do)) {
    return "routedk-train";
  }
  const bool routes = experiment.config().experts.size() > 1;
  if (done < StepKind::kRouter && routes) {
    return "routedk-train-router";
  }
  return done < StepKind::kAnswer && experiment.evaluates() ? "routedk-eval" : "";
}

/// Opens the experiment for `work`, which runs the given step, if any.
void open_experiment(const ProgramOptions& options, std::optional<StepKind> step,
                     const std::function<void(Experiment&)>& work) {
  const bool together = step == StepKind::kTrain || step == StepKind::kRouter;
  const Study study = read_study(options.config, options.assignments);
  if (study.points.size() > 1) {
    throw_<ConfigError>(
        "this program works on one experiment, but {} has {}: give it to routedk-run, with --only for one "
        "step",
        options.config, study.points.size());
  }
  const ExperimentConfig& config = study.points.front().config;
  if (options.dump_config) {
    fmt::print("{}", dump_config(config));
    return;
  }
  experts_named(config, options.expert);  // which must exist
  if (step == StepKind::kRouter) {
    require_several_experts(config);
  }
  Place place{{}, shard_of_process(options.shard, options.merge, !together)};
  if (options.redo && !place.shard.whole()) {
    throw_<ConfigError>("--redo must be without --shard and --merge: it removes what other shards have done");
  }
  if (together && !options.dry_run) {
    place.world = join_world(config.run);
  }
  Experiment experiment(config, std::move(place));
  if (options.dry_run) {
    if (step == StepKind::kEvaluate) {
      require_sessions_to_ask(experiment);
    }
    fmt::print("{}", plan(experiment, options.redo ? step : std::nullopt));
    if (step && !options.redo) {
      require_ready(experiment, *step, options.expert);
    }
    if (options.expert != kAllExperts) {
      fmt::print("of these, only train-{} is done now (--expert)\n", options.expert);
    }
    return;
  }
  work(experiment);
}

}  // namespace

void with_experiment(const ProgramOptions& options, const std::function<void(Experiment&)>& work) {
  open_experiment(options, std::nullopt, work);
}

void with_step(const ProgramOptions& options, StepKind step, const std::function<void(Experiment&)>& work) {
  open_experiment(options, step, [&](Experiment& experiment) {
    if (experiment.world().first()) {
      require_writable(experiment);
    }
    if (options.redo && experiment.world().first()) {
      forget_from(experiment, step);
    }
    experiment.world().wait_for_all();
    work(experiment);
    if (experiment.world().first() && experiment.shard().whole()) {
      const std::string program = next_program(step, experiment);
      say_next(program.empty() ? what_a_run_is_for(experiment) : std::vector{program + words_of(options)});
    }
  });
}

namespace {

constexpr const char* kOutputRule = "standard output must accept all that is printed, but did not: {}";

/// SystemError if standard output did not take everything.
void flush_output() {
  errno = 0;
  if (std::fflush(stdout) != 0 || !std::cout.flush()) {
    throw_<SystemError>(kOutputRule, errno == 0 ? "it is closed or full" : std::strerror(errno));
  }
}

}  // namespace

void say_next(const std::vector<std::string>& commands) {
  flush_output();
  for (const std::string& command : commands) {
    fmt::print(stderr, "next: {}\n", escaped(command));
  }
}

std::vector<std::string> what_a_run_is_for(const Experiment& experiment) {
  const std::filesystem::path run = experiment.folder();
  const std::vector<const Step*> needed = needed_steps(experiment.steps());
  const auto first = [&](StepKind kind) {
    return std::ranges::find(needed, kind, [](const Step* step) { return step->id.kind; });
  };
  std::vector<std::string> commands;
  if (const auto expert = first(StepKind::kTrain); expert != needed.end()) {
    const bool whole = first(StepKind::kRouter) != needed.end() || exists(run / "router") ||
                       experiment.config().experts.size() == 1;
    commands.push_back("routedk-predict --run " + shell_word(run.string()) +
                       (whole ? "" : " --gate " + shell_word((*expert)->id.name)) +
                       (experiment.has_sessions() ? "" : " --prompt '...'"));
  }
  const std::filesystem::path evaluation = evaluation_folder(experiment.config());
  if (const std::string report =
          shipped_command("scripts/report", evaluation.empty() ? run : run / evaluation);
      experiment.evaluates() && !report.empty()) {
    commands.push_back(report);
  }
  return commands;
}

namespace {

/// Shortens "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.5 GiB of which
/// 1.1 GiB is free." and more to one line that says what to change.
std::string out_of_gpu_memory(const std::string& text) {
  const std::size_t end = text.find(" is free.");
  const std::string needed = text.substr(0, end == std::string::npos ? text.find('\n') : end + 9);
  return fmt::format(
      "the GPU must have room for what is computed at once, but LibTorch says: {} Lower train.max_tokens and "
      "decode.batch_sessions, or set train.recompute=true.",
      displayed(needed));
}

void print_error(const std::string& text) {
  constexpr int kRed = 31;
  const std::string word = stderr_takes_colour() ? coloured(kRed, "error") : "error";
  std::istringstream lines(text);  // one for each problem
  for (std::string line; std::getline(lines, line);) {
    fmt::print(stderr, "{}: {}\n", word, line);
  }
}

/// Reports a system error on a path from outside or on the disk.
int report(const std::filesystem::filesystem_error& error) {
  static constexpr std::array kOfPath = {ELOOP,  ENAMETOOLONG, ENOTDIR, EISDIR,   ENOENT,
                                         EACCES, EPERM,        EEXIST,  ENOTEMPTY};
  const int code = error.code().value();
  print_error(fmt::format("{} must be a usable path, but the system says: {}.",
                          displayed(error.path1().string()), error.code().message()));
  return std::ranges::find(kOfPath, code) != kOfPath.end() ? 2 : 1;
}

/// Reports another error of the system: fmt's, if a print to standard output failed, names no file.
int report(const std::system_error& error) {
  const bool printing = std::string_view(error.what()).starts_with("cannot write to file");
  print_error(printing ? fmt::format(kOutputRule, error.code().message()) : displayed(error.what()));
  return 1;
}

}  // namespace

std::string version_text() {
  return fmt::format("routedk {} (LibTorch {}, {})", ROUTEDK_VERSION, TORCH_VERSION,
                     kernels::built_with_cuda() ? "CUDA" : "CPU");
}

int run_program(const std::function<void()>& body) noexcept {
  try {
    init_log("info");
    kernels::cpu::require_known_isa();
    keep_freed_memory();
    start_threads();
    body();
    flush_output();
    return 0;
  } catch (const std::bad_alloc&) {
    std::fputs("error: memory ran out\n", stderr);
    return 1;
  } catch (const c10::OutOfMemoryError& error) {
    print_error(out_of_gpu_memory(error.what_without_backtrace()));
    return 2;
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    print_error("LibTorch: " + displayed(text.substr(0, text.find('\n'))));
    return 1;
  } catch (const std::filesystem::filesystem_error& error) {
    return report(error);
  } catch (const std::system_error& error) {
    return report(error);
  } catch (const Interrupted& stopped) {  // as asked: no error
    fmt::print(stderr, "{}\n", escaped(stopped.what()));
    return exit_code(stopped);
  } catch (const std::exception& error) {
    print_error(escaped(error.what(), /*keep_newlines=*/true));
    return exit_code(error);
  }
}

}  // namespace routedk::workflow
