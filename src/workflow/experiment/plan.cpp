#include "routedk/experts/peft.h"
#include "routedk/experts/router.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/experiment/memory_plan.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/steps.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace routedk::workflow {
namespace {

using train::Example;

/// Numbers trained in one expert: r (in + out) for each adapted linear, or those of the adapter it starts
/// from.
std::int64_t expert_parameters(const model::LlamaConfig& model, const LoraSettings& lora) {
  if (!lora.init_adapter.empty()) {
    return experts::load_peft(lora.init_adapter, "init", model).parameters().size();
  }
  std::int64_t of_a_layer = 0;
  for (int i = 0; i < model::kLinears; ++i) {
    const model::LinearShape shape = model::linear_shape(model, static_cast<model::Linear>(i));
    of_a_layer += lora.rank * (shape.in + shape.out);
  }
  return model.layers * of_a_layer;
}

std::string describe(const train::TrainConfig& config, std::size_t examples, const char* unit) {
  const auto batch = static_cast<std::size_t>(config.batch_size);
  const std::size_t of_an_epoch = (examples + batch - 1) / batch;
  return fmt::format("{} {}, {} epochs, {} optimiser steps", examples, unit, config.epochs,
                     of_an_epoch * static_cast<std::size_t>(config.epochs));
}

/// Tokens of a step on average, and of the largest micro-batch that can come: of the longest examples.
struct TokenCounts {
  double of_a_step = 0.0;
  std::int64_t largest = 0;
  std::int64_t largest_answers = 0;
};

TokenCounts count_tokens(const std::vector<Example>& examples, const train::TrainConfig& config) {
  TokenCounts counts;
  for (const Example& example : examples) {
    counts.of_a_step += static_cast<double>(example.tokens());
    counts.largest = std::max(counts.largest, example.tokens());
    counts.largest_answers =
        std::max(counts.largest_answers, static_cast<std::int64_t>(example.answer.size()));
  }
  const auto steps = (static_cast<double>(examples.size()) + static_cast<double>(config.batch_size) - 1) /
                     static_cast<double>(config.batch_size);
  const std::int64_t most = std::min(config.max_tokens, config.batch_size * counts.largest) /
                            std::max<std::int64_t>(counts.largest, 1);
  counts.of_a_step /= std::max(1.0, std::floor(steps));
  counts.largest *= std::max<std::int64_t>(most, 1);
  counts.largest_answers *= std::max<std::int64_t>(most, 1);
  return counts;
}

/// What is trained on.
struct Learning {
  std::vector<Example> experts;  ///< of all of them; before the teacher has written, the router's stand here
  std::vector<Example> router;
  std::size_t of_an_expert = 0;  ///< sessions, or examples of the first
};

Learning learning_of(const Experiment& experiment) {
  Learning learning;
  learning.router = router_examples(experiment);
  if (experiment.has_sessions()) {
    learning.of_an_expert = learning_sessions(experiment).experts.size();
    if (!std::filesystem::exists(experiment.knowledge_file())) {
      learning.experts = learning.router;
      return learning;
    }
  }
  for (const std::string& name : experiment.config().experts) {
    std::vector<Example> own = expert_examples(experiment, name, 0);
    learning.of_an_expert = learning.of_an_expert == 0 ? own.size() : learning.of_an_expert;
    std::move(own.begin(), own.end(), std::back_inserter(learning.experts));
  }
  return learning;
}

std::string mib(double bytes) {
  return fmt::format("{:.0f} MiB", bytes / (1 << 20));
}

std::string memory_text(const Experiment& experiment, const model::WeightSource& source,
                        const std::vector<Example>& examples) {
  const ExperimentConfig& c = experiment.config();
  const model::LlamaConfig& model = source.config();
  const auto storage = source.quantized() ? model::Storage::kNf4 : model::Storage::kDense;
  const TokenCounts tokens = count_tokens(examples, c.train);
  TrainingSize size{model::held_in_nf4(c.model.quant, storage), c.model.double_quant,
                    model::scalar_type(c.model.dtype)};
  size.trainable = static_cast<std::int64_t>(c.experts.size()) * expert_parameters(model, c.lora);
  size.average = c.train.ema > 0.0;
  size.tokens = tokens.largest;
  size.answer_tokens = tokens.largest_answers;
  size.recompute = c.train.recompute;
  const MemoryPlan plan = predict_memory(model, size);
  std::string text = fmt::format("tokens    {:.0f} of an expert's step, {} of the largest micro-batch\n",
                                 tokens.of_a_step, tokens.largest);
  for (const auto& [kind, bytes] : plan.bytes) {
    text += fmt::format("memory    {:<24} {:>12}\n", kind, mib(bytes));
  }
  return text + fmt::format("memory    {:<24} {:>12}\n", "predicted peak", mib(plan.total()));
}

std::string data_text(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  if (!experiment.has_sessions()) {
    return fmt::format("data      {}, validated with {}\n", c.data.examples,
                       c.data.validation_examples.empty() ? "nothing" : c.data.validation_examples);
  }
  const bundle::Split& split = experiment.split();
  return fmt::format("data      {} / {}: {} training, {} validation, {} test sessions\n",
                     data_folder(c.data.dir).string(), c.data.domain, split.train.size(), split.val.size(),
                     split.test.size());
}

}  // namespace

std::string plan(Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  const auto source = model::WeightSource::open(c.model.path);
  const model::LlamaConfig& model = source->config();
  const auto experts = static_cast<std::int64_t>(c.experts.size());
  const experts::RouterGate router(model.layers, model.hidden, experts, router_options(c.router));
  const char* unit = experiment.has_sessions() ? "sessions" : "examples";
  const Learning learning = learning_of(experiment);
  std::string text = data_text(experiment);
  text += fmt::format("model     {} ({})\n", c.model.path, c.model.quant);
  text += fmt::format("experts   {}; each: {} parameters, {}\n", fmt::join(c.experts, ", "),
                      expert_parameters(model, c.lora), describe(c.train, learning.of_an_expert, unit));
  text += fmt::format("router    {} parameters, {}\n", router.parameters().size(),
                      describe(c.router, learning.router.size(), unit));
  text += memory_text(experiment, *source, learning.experts);
  if (experiment.has_sessions()) {
    text += fmt::format("evaluate  {} on {} ({} samples at T = {}, chosen by {})\n",
                        fmt::join(c.eval.systems, ", "), c.eval.split,
                        c.eval.samples.empty() ? fmt::format("{}", c.decode.samples)
                                               : fmt::format("{}", fmt::join(c.eval.samples, ", ")),
                        c.decode.temperature,
                        c.eval.select.empty() ? fmt::format("{}", c.decode.select)
                                              : fmt::format("{}", fmt::join(c.eval.select, ", ")));
  }
  text += fmt::format("run       {}\n", c.run.dir);
  for (const std::string& step : step_names()) {
    if (experiment.has_sessions() || step == "train" || step == "router") {
      text += fmt::format("{:<9} {}\n", step, is_done(experiment, step) ? "done" : "to do");
    }
  }
  return text;
}

}  // namespace routedk::workflow
