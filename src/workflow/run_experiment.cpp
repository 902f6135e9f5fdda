#include "routedk/core/progress.h"
#include "routedk/io/jsonl.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/steps.h"

#include <algorithm>
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

std::int64_t trainable_sessions(const std::vector<bundle::Session>& sessions) {
  return std::count_if(sessions.begin(), sessions.end(),
                       [](const bundle::Session& s) { return s.items.size() >= 2; });
}

std::string describe(const train::TrainConfig& config, std::int64_t examples) {
  const std::int64_t steps = (examples + config.batch_size - 1) / config.batch_size * config.epochs;
  return fmt::format("{} sessions, {} epochs, {} optimiser steps", examples, config.epochs, steps);
}

/// Numbers trained in one expert: r (in + out) for each adapted linear.
std::int64_t expert_parameters(const model::LlamaConfig& model, std::int64_t rank) {
  std::int64_t of_a_layer = 0;
  for (int i = 0; i < model::kLinears; ++i) {
    const model::LinearShape shape = model::linear_shape(model, static_cast<model::Linear>(i));
    of_a_layer += rank * (shape.in + shape.out);
  }
  return model.layers * of_a_layer;
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

std::string plan(Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  const bundle::Split& split = experiment.split();
  const model::LlamaConfig model = model::WeightSource::open(c.model.path)->config();
  const auto experts = static_cast<std::int64_t>(c.experts.size());
  const std::int64_t sessions = trainable_sessions(split.train);
  std::string text = fmt::format("data      {} / {}: {} training, {} validation, {} test sessions\n",
                                 data_folder(c.data.dir).string(), c.data.domain, split.train.size(),
                                 split.val.size(), split.test.size());
  text += fmt::format("model     {} ({})\n", c.model.path, c.model.quant);
  text += fmt::format("experts   {}; each: {} parameters, {}\n", fmt::join(c.experts, ", "),
                      expert_parameters(model, c.lora.rank), describe(c.train, sessions));
  text += fmt::format("router    {} parameters, {}\n", model.layers * experts * (model.hidden + 1),
                      describe(c.router, sessions));
  text += fmt::format("evaluate  {} on {} ({} samples at T = {})\n", fmt::join(c.eval.systems, ", "),
                      c.eval.split, c.decode.samples, c.decode.temperature);
  text += fmt::format("run       {}\n", c.run.dir);
  for (const std::string& step : step_names()) {
    text += fmt::format("{:<9} {}\n", step, is_done(experiment, step) ? "done" : "to do");
  }
  return text;
}

}  // namespace routedk::workflow
