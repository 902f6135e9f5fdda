#include "routedk/core/progress.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/steps.h"

#include <chrono>
#include <functional>

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

namespace routedk::workflow {
namespace {

double peak_memory_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;  // Linux counts KiB
}

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

std::string describe(const train::TrainConfig& config, std::size_t examples) {
  const auto batch = static_cast<std::size_t>(config.batch_size);
  const std::size_t steps = (examples + batch - 1) / batch * static_cast<std::size_t>(config.epochs);
  return fmt::format("{} examples, {} epochs, {} optimiser steps", examples, config.epochs, steps);
}

}  // namespace

void run_experiment(Experiment& experiment, const std::string& from) {
  if (!from.empty()) {
    forget_from(experiment, from);
  }
  timed(experiment, "distil", [&] { distil_step(experiment); });
  timed(experiment, "train", [&] { train_step(experiment, experiment.config().experts); });
  timed(experiment, "router", [&] { router_step(experiment); });
  timed(experiment, "evaluate", [&] { evaluate_step(experiment); });
}

std::string plan(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  const bundle::Split& split = experiment.split();
  std::string text = fmt::format("data      {} / {}: {} training, {} validation, {} test sessions\n",
                                 data_folder(c.data.dir).string(), c.data.domain, split.train.size(),
                                 split.val.size(), split.test.size());
  text += fmt::format("model     {} ({})\n", c.model.path, c.model.quant);
  text += fmt::format("experts   {}; each: {}\n", fmt::join(c.experts, ", "),
                      describe(c.train, split.train.size()));
  text += fmt::format("router    {}\n", describe(c.router, split.train.size()));
  text += fmt::format("evaluate  {} on {} ({} samples at T = {})\n", fmt::join(c.eval.systems, ", "),
                      c.eval.split, c.decode.samples, c.decode.temperature);
  return text + fmt::format("run       {}\n", c.run.dir);
}

}  // namespace routedk::workflow
