#include "routedk/core/files.h"
#include "routedk/core/memory.h"
#include "routedk/core/progress.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/systems.h"

#include <chrono>
#include <functional>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

/// Runs one step and adds its wall time and the process's peak memory so far to timings.jsonl.
void timed(Experiment& experiment, const std::string& name, const std::function<void()>& step) {
  const auto start = std::chrono::steady_clock::now();
  step();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  spdlog::info("{}: {}, peak memory so far {:.0f} MiB", name, format_duration(seconds.count()),
               peak_memory_mib());
  io::JsonlWriter(experiment.folder() / "timings.jsonl")
      .append({{"step", name}, {"seconds", seconds.count()}, {"peak_memory_mib", peak_memory_mib()}});
}

}  // namespace

void run_experiment(Experiment& experiment, const std::string& from) {
  if (!from.empty()) {
    forget_from(experiment, from);
  }
  if (experiment.has_sessions()) {
    check_systems(experiment);
    timed(experiment, "distil", [&] { distil_step(experiment); });
  }
  timed(experiment, "train", [&] { train_step(experiment, experiment.config().experts); });
  timed(experiment, "router", [&] { router_step(experiment); });
  if (experiment.has_sessions()) {
    timed(experiment, "evaluate", [&] { evaluate_step(experiment); });
  }
}

std::string outcome(const Experiment& experiment) {
  const std::filesystem::path folder = experiment.folder();
  return experiment.has_sessions() ? fmt::format("{}results: {}\n", read_file(folder / "results.txt"),
                                                 (folder / "results.json").string())
                                   : fmt::format("experts: {}\nrouter: {}\n", (folder / "experts").string(),
                                                 experiment.router_folder().string());
}

}  // namespace routedk::workflow
