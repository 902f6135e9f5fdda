#include "routedk/core/files.h"
#include "routedk/core/memory.h"
#include "routedk/core/progress.h"
#include "routedk/io/jsonl.h"
#include "routedk/kernels/gpu.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/systems.h"

#include <chrono>
#include <functional>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

/// ", 3200 MiB on the GPU" of a step; nothing where none is used.
std::string gpu_text(double mib) {
  return mib > 0.0 ? fmt::format(", {:.0f} MiB on the GPU", mib) : "";
}

/// Runs one step and adds its wall time, the process's peak memory so far and the step's on the GPU to
/// timings.jsonl.
void timed(Experiment& experiment, const std::string& name, const std::function<void()>& step) {
  const auto start = std::chrono::steady_clock::now();
  kernels::reset_gpu_peak();
  step();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const double gpu_mib = static_cast<double>(kernels::gpu_peak_bytes()) / (1 << 20);
  spdlog::info("{}: {}, peak memory so far {:.0f} MiB{}", name, format_duration(seconds.count()),
               peak_memory_mib(), gpu_text(gpu_mib));
  io::JsonlWriter(experiment.folder() / "timings.jsonl")
      .append({{"step", name},
               {"seconds", seconds.count()},
               {"peak_memory_mib", peak_memory_mib()},
               {"peak_gpu_mib", gpu_mib}});
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
  if (!trained_controls(experiment.config()).empty()) {
    timed(experiment, "controls", [&] { controls_step(experiment); });
  }
  if (experiment.has_sessions()) {
    timed(experiment, "evaluate", [&] { evaluate_step(experiment); });
  }
}

std::string outcome(const Experiment& experiment) {
  const std::filesystem::path folder = experiment.folder();
  return experiment.has_sessions() ? fmt::format("{}page: {}\n", read_file(folder / "summary.txt"),
                                                 (folder / "results.html").string())
                                   : fmt::format("experts: {}\nrouter: {}\n", (folder / "experts").string(),
                                                 experiment.router_folder().string());
}

}  // namespace routedk::workflow
