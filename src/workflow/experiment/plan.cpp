#include "routedk/core/display.h"
#include "routedk/experts/router.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/experiment/session_data.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/steps.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "plan_checks.h"
#include "plan_memory.h"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

using train::Example;

/// `unit` is in the singular.
std::string describe(const train::TrainConfig& config, std::size_t examples, const char* unit) {
  const auto batch = static_cast<std::size_t>(config.batch_size);
  const auto of_an_epoch = static_cast<std::int64_t>((examples + batch - 1) / batch);
  const std::int64_t steps = config.likelihood_steps(of_an_epoch);
  const bool whole = steps == config.epochs * of_an_epoch;
  const train::ExpectedUtilityConfig& then = config.expected_utility;
  return fmt::format("{}, {}{}, {}", counted(static_cast<std::int64_t>(examples), unit),
                     whole ? "" : "less than ", counted(config.epochs, "epoch"),
                     counted(steps, "optimiser step")) +
         (config.objective == train::ObjectiveKind::kLikelihood
              ? ""
              : fmt::format(", then {} by expected utility ({} prompts x {} samples)", then.steps,
                            then.batch_size, then.samples));
}

/// The training examples.
struct Learning {
  std::vector<Example> experts;  ///< of all experts; until the teacher has written, the router's
  std::vector<Example> router;
  std::size_t of_an_expert = 0;  ///< sessions or, for own examples, those of the first expert
};

Learning learning_of(const Experiment& experiment) {
  Learning learning;
  learning.router = router_examples(experiment);
  if (experiment.has_sessions()) {
    learning.of_an_expert = learning_sessions(experiment).experts.size();
    if (!is_done(experiment, {StepKind::kDistil})) {
      learning.experts = learning.router;
      return learning;
    }
  }
  for (const std::string& name : experiment.config().experts) {
    if (experiment.config().adapter_of(name) != nullptr) {
      continue;
    }
    std::vector<Example> own = expert_examples(experiment, name, 0);
    learning.of_an_expert = learning.of_an_expert == 0 ? own.size() : learning.of_an_expert;
    std::move(own.begin(), own.end(), std::back_inserter(learning.experts));
  }
  if (learning.experts.empty()) {  // all are already trained
    learning.experts = learning.router;
  }
  return learning;
}

std::string data_text(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  if (!experiment.has_sessions()) {
    const TaskData& task = experiment.task();
    return fmt::format(
        "data      {}: {} answers to learn; validated with {}; {}\n", c.data.examples, task.training.size(),
        c.data.validation_examples.empty() ? "nothing" : c.data.validation_examples,
        experiment.evaluates()
            ? fmt::format("{} answers of {} to evaluate", task.evaluated.size(), task.evaluated_file)
            : "nothing to evaluate");
  }
  const bundle::Split& split = experiment.split();
  const std::string others =
      c.data.others().empty() ? "" : fmt::format(" (with those of {})", fmt::join(c.data.others(), ", "));
  return fmt::format("data      {} / {}: {} training{}, {} validation, {} test sessions\n",
                     data_folder(c.data.dir).string(), c.data.domain, split.train.size(), others,
                     split.val.size(), split.test.size());
}

/// Whether experts will read rules or thoughts that are not distilled yet.
bool lacks_knowledge(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  const auto reads = [&](const std::string& expert) {
    return c.adapter_of(expert) == nullptr && reads_knowledge(expert);
  };
  return experiment.has_sessions() && !is_done(experiment, {StepKind::kDistil}) &&
         std::ranges::any_of(c.experts, reads);
}

/// Until the teacher has written, nothing is known of what the budget cuts but the prompts that exceed it
/// even so: `raw` are those without rules and thoughts.
void warn_of_long_titles(const Experiment& experiment, const std::vector<Example>& raw) {
  const ExperimentConfig& c = experiment.config();
  const auto longer = std::count_if(raw.begin(), raw.end(), [&](const Example& example) {
    return static_cast<std::int64_t>(example.prompt.size()) > c.prompt.max_tokens;
  });
  if (longer > 0) {
    spdlog::warn("{} of {} training prompts are longer than prompt.max_tokens, {}, with their titles alone",
                 longer, raw.size(), c.prompt.max_tokens);
  }
}

/// A line for each step that the outcome needs, with its state.
std::string states_text(const Experiment& experiment, std::optional<StepKind> repeated) {
  const std::vector<const Step*> steps = needed_steps(experiment.steps());
  std::size_t width = 9;  // of the words before
  for (const Step* step : steps) {
    width = std::max(width, to_string(step->id).size());
  }
  std::string text;
  for (const Step* step : steps) {
    const std::string holder = experiment.store().holder(*step);
    const bool again = repeated && step->id.kind >= *repeated;
    text += fmt::format("{:<{}} {}\n", to_string(step->id), width,
                        is_done(experiment, step->id) ? (again ? "to do again" : "done")
                        : holder.empty()              ? "to do"
                                                      : "under way (" + holder + ")");
  }
  return text;
}

/// The experts to be trained, and those that are adapters.
std::string experts_text(const ExperimentConfig& config, const model::LlamaConfig& model,
                         const std::string& training) {
  std::vector<std::string> trained;
  std::vector<std::string> taken;
  for (const std::string& name : config.experts) {
    if (config.adapter_of(name) == nullptr) {
      trained.push_back(name);
    } else {
      taken.push_back(fmt::format("{} ({} parameters)", name, expert_parameters(config, name, model)));
    }
  }
  std::string text;
  if (!trained.empty()) {
    text += fmt::format("experts   {}; each: {} parameters, {}\n", fmt::join(trained, ", "),
                        expert_parameters(config, trained.front(), model), training);
  }
  if (!taken.empty()) {
    text += fmt::format("adapters  {}: taken as they are\n", fmt::join(taken, ", "));
  }
  return text;
}

}  // namespace

std::string plan(Experiment& experiment, std::optional<StepKind> repeated) {
  require_runnable(experiment, repeated);
  if (!repeated) {
    require_resumable(experiment);
  }
  experiment.warn_of_other_data();
  const ExperimentConfig& c = experiment.config();
  const auto source = model::WeightSource::open(c.model.path);
  const model::LlamaConfig& model = source->config();
  const auto experts = static_cast<std::int64_t>(c.experts.size());
  const char* unit = experiment.has_sessions() ? "session" : "example";
  const Learning learning = learning_of(experiment);
  train::require_within_context(learning.experts, model.context, "training");
  require_data_within(experiment);
  const bool sessions_alone = lacks_knowledge(experiment);
  if (sessions_alone) {
    warn_of_long_titles(experiment, learning.experts);
  }
  std::string text = data_text(experiment);
  text += fmt::format("model     {} ({})\n", c.model.path, c.model.quant);
  text += experts_text(c, model, describe(c.train, learning.of_an_expert, unit));
  if (experts > 1) {
    const experts::RouterGate router(model.layers, model.hidden, experts, router_options(c.router));
    text += fmt::format("router    {} parameters, {}\n", router.parameters().size(),
                        describe(c.router, learning.router.size(), unit));
  }
  if (const std::vector<std::string> controls = trained_controls(c); !controls.empty()) {
    text += fmt::format("controls  {}: as many steps as the router\n", fmt::join(controls, ", "));
  }
  text += memory_text(experiment, *source, learning.experts, learning.router);
  if (sessions_alone) {
    text += "memory    of sessions alone: rules and thoughts, still to be distilled, need more\n";
  }
  if (experiment.evaluates()) {
    text += fmt::format(
        "evaluate  {} on {} ({} samples at T = {}, chosen by {})\n", fmt::join(c.eval.systems, ", "),
        experiment.has_sessions() ? std::string(name_of(c.eval.split)) : experiment.task().evaluated_file,
        c.eval.samples.empty() ? fmt::format("{}", c.decode.samples)
                               : fmt::format("{}", fmt::join(c.eval.samples, ", ")),
        c.decode.temperature,
        c.eval.select.empty() ? fmt::format("{}", c.decode.select)
                              : fmt::format("{}", fmt::join(c.eval.select, ", ")));
  }
  text += fmt::format("run       {}\n", c.run.dir);
  return text + states_text(experiment, repeated);
}

}  // namespace routedk::workflow
