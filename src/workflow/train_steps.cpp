#include "routedk/core/error.h"
#include "routedk/experts/peft.h"
#include "routedk/experts/router_file.h"
#include "routedk/io/jsonl.h"
#include "routedk/train/trainer.h"
#include "routedk/workflow/steps.h"

#include <algorithm>

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

std::shared_ptr<experts::Expert> new_expert(const std::string& name, const ExperimentConfig& config,
                                            const model::LlamaConfig& model) {
  experts::LoraConfig lora;
  lora.rank = config.lora.rank;
  lora.alpha = config.lora.alpha;
  lora.rank_stabilised = config.lora.rank_stabilised;
  auto expert = std::make_shared<experts::Expert>(name, model, lora);
  expert->initialise(config.train.seed);
  return expert;
}

void append(std::vector<train::Example>& all, std::vector<train::Example> more) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
}

void log_results(const std::vector<train::GroupResult>& results) {
  for (const train::GroupResult& result : results) {
    const train::GroupProgress& p = result.progress;
    spdlog::info(
        "{}: {} steps, {} tokens in {:.0f} s ({:.0f} tokens/s), best validation loss {:.4f} at step {}",
        result.name, p.step, p.tokens, p.seconds, static_cast<double>(p.tokens) / std::max(p.seconds, 1e-9),
        p.best_validation_loss.value_or(p.last_loss), p.best_step);
  }
}

/// Records go to metrics.jsonl under the step's name.
train::RecordSink metrics_sink(io::JsonlWriter& writer, const std::string& step) {
  return [&writer, step](const io::Json& record) {
    io::Json line = {{"job", step}};
    line.update(record);
    writer.append(line);
  };
}

}  // namespace

std::vector<std::string> experts_named(const ExperimentConfig& config, const std::string& name) {
  if (name == "all") {
    return config.experts;
  }
  if (std::find(config.experts.begin(), config.experts.end(), name) == config.experts.end()) {
    throw_<ConfigError>("--expert must be all or one of {}, but is `{}` instead",
                        fmt::join(config.experts, ", "), name);
  }
  return {name};
}

void train_step(Experiment& experiment, const std::vector<std::string>& experts) {
  require_done(experiment, "distil", "routedk-distill");
  std::vector<std::string> names;
  std::copy_if(experts.begin(), experts.end(), std::back_inserter(names),
               [&](const std::string& name) { return begin_step(experiment, "train-" + name); });
  if (names.empty()) {
    return;
  }
  const auto backbone = experiment.backbone();
  std::vector<std::shared_ptr<experts::Expert>> bank;
  std::vector<train::ParameterGroup> groups;
  std::vector<train::Example> training;
  std::vector<train::Example> validation;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const int group = static_cast<int>(i);
    bank.push_back(new_expert(names[i], experiment.config(), backbone->config()));
    const auto gate =
        std::make_shared<experts::SingleExpertGate>(group, static_cast<std::int64_t>(names.size()));
    groups.push_back({names[i], &bank.back()->parameters(), gate});
    append(training, expert_examples(experiment, names[i], group));
    append(validation, raw_examples(experiment, experiment.split().val, group));
  }
  const experts::RoutedModel model(backbone, std::make_shared<experts::ExpertBank>(bank));
  io::JsonlWriter metrics(experiment.folder() / "metrics.jsonl");
  const auto checkpoints = experiment.folder() / "checkpoints" / fmt::format("{}", fmt::join(names, "+"));
  log_results(train::Trainer({model, experiment.config().train, groups, training, validation, checkpoints,
                              metrics_sink(metrics, "train")})
                  .run());
  for (std::size_t i = 0; i < names.size(); ++i) {
    experts::save_peft(*bank[i], experiment.expert_folder(names[i]), experiment.config().model.path);
  }
  std::vector<std::string> steps;
  std::transform(names.begin(), names.end(), std::back_inserter(steps),
                 [](const std::string& name) { return "train-" + name; });
  mark_done(experiment, steps);
}

void router_step(Experiment& experiment) {
  for (const std::string& name : experiment.config().experts) {
    require_done(experiment, "train-" + name, "routedk-train");
  }
  if (!begin_step(experiment, "router")) {
    return;
  }
  const experts::RoutedModel model = experiment.routed_model();
  const model::LlamaConfig& shape = model.backbone().config();
  const auto router = std::make_shared<experts::RouterGate>(shape.layers, shape.hidden, model.bank().size());
  io::JsonlWriter metrics(experiment.folder() / "metrics.jsonl");
  log_results(train::Trainer({model,
                              experiment.config().router,
                              {{"router", &router->parameters(), router}},
                              raw_examples(experiment, experiment.split().train, 0),
                              raw_examples(experiment, experiment.split().val, 0),
                              experiment.folder() / "checkpoints" / "router",
                              metrics_sink(metrics, "router")})
                  .run());
  experts::save_router(*router, experiment.config().experts, experiment.router_folder());
  mark_done(experiment, {"router"});
}

}  // namespace routedk::workflow
