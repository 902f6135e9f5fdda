#include "phases.h"

#include "routedk/experts/peft.h"
#include "routedk/experts/router_file.h"
#include "routedk/train/trainer.h"
#include "routedk/workflow/experiment/metrics_log.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/policy_samples.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

/// "best validation loss 0.4321 at step 8"; for training by utility, the utility, which is minus the loss.
std::string outcome_of(const train::TrainConfig& config, const train::GroupProgress& progress) {
  const bool by_likelihood = config.objective == train::ObjectiveKind::kLikelihood;
  std::string text;
  if (progress.best_validation_loss) {
    const double loss = *progress.best_validation_loss;
    text = fmt::format("best validation {} {:.4f} at step {}", by_likelihood ? "loss" : "utility",
                       by_likelihood ? loss : -loss, progress.best_step);
  } else {
    text = by_likelihood ? fmt::format("last training loss {:.4f}; not validated", progress.last_loss)
                         : "not validated";
  }
  if (!by_likelihood && progress.skipped_steps > 0) {
    text += fmt::format("; {} steps had no prompt whose samples differ in utility and changed nothing",
                        progress.skipped_steps);
  }
  return text;
}

void train_and_log(train::TrainingJob job) {
  const train::TrainConfig config = job.config;
  for (const train::GroupResult& result : train::Trainer(std::move(job)).run()) {
    const train::GroupProgress& p = result.progress;
    spdlog::info("{}: {} steps, {} tokens in {:.0f} s ({:.0f} tokens/s), {}", result.name, p.step, p.tokens,
                 p.seconds, static_cast<double>(p.tokens) / std::max(p.seconds, 1e-9), outcome_of(config, p));
  }
}

/// An expert's events go into its own step, even if it is trained together with others.
TensorboardOptions tensorboard_of(const Phases& p) {
  TensorboardOptions options{p.experiment.config().experts, {}};
  if (p.name == "train") {
    options.folder_of = [&p](const std::string& expert) {
      return p.experiment.step_folder({StepKind::kTrain, expert});
    };
  }
  return options;
}

/// Writes a training's events, at rank 0.
class Metrics {
 public:
  Metrics(const Phases& p, const std::string& job) {
    if (p.experiment.world().first()) {
      log_.emplace(p.folder, job, tensorboard_of(p));
    }
  }
  train::EventSink sink() { return log_ ? log_->sink() : train::EventSink(); }

 private:
  std::optional<MetricsLog> log_;
};

void by_likelihood(const Phases& p, std::vector<train::Example> training, train::AugmentFn augment) {
  Metrics metrics(p, p.name);
  train::TrainingJob job{
      p.model,       p.config.likelihood_phase(), p.groups, std::move(training), p.validation, p.checkpoints,
      metrics.sink()};
  job.world = p.experiment.world();
  job.augment = std::move(augment);
  job.on_validation = p.watch;
  train_and_log(std::move(job));
}

void from_there_by_utility(const Phases& p, std::vector<train::Example> training) {
  Metrics metrics(p, p.name + "_expected_utility");
  train::TrainingJob job{p.model,      p.config.utility_phase(),           p.groups,      std::move(training),
                         p.validation, p.checkpoints / "expected_utility", metrics.sink()};
  job.world = p.experiment.world();
  job.augment = shuffled_items(p.experiment, {});
  job.on_validation = p.watch;
  job.sample = policy_samples(p.experiment, p.model, p.gates, p.config);
  train_and_log(std::move(job));
}

io::Json router_group_settings(const ExperimentConfig& config) {
  const RouterConfig& r = config.router;
  return {{"kind", name_of(r.kind)},
          {"scale", name_of(r.scale)},
          {"granularity", name_of(r.granularity)},
          {"pool_norm", name_of(r.pool_norm)},
          {"temperature", r.temperature},
          {"top_k", r.top_k},
          {"threshold", r.threshold},
          {"shuffle_items", config.augment.shuffle_items}};
}

}  // namespace

void Phases::run(std::vector<train::Example> training, train::AugmentFn augment,
                 std::vector<train::Example> raw) const {
  by_likelihood(*this, std::move(training), std::move(augment));
  if (by_utility()) {
    from_there_by_utility(*this, std::move(raw));
  }
}

std::shared_ptr<experts::Expert> new_expert(const std::string& name, const ExperimentConfig& config,
                                            const model::LlamaConfig& model) {
  if (!config.lora.init_adapter.empty()) {
    return std::make_shared<experts::Expert>(experts::load_peft(config.lora.init_adapter, name, model));
  }
  experts::LoraOptions lora;
  lora.rank = config.lora.rank;
  lora.alpha = config.lora.alpha;
  lora.rank_stabilised = config.lora.rank_stabilised;
  lora.targets = config.lora.targets;
  auto expert = std::make_shared<experts::Expert>(name, model, lora);
  expert->initialise(config.train.seed);
  return expert;
}

io::Json expert_settings(const Experiment& experiment) {
  const ExperimentConfig& config = experiment.config();
  io::Json settings = {{"init_adapter", experiment.init_adapter()},
                       {"shuffle_items", config.augment.shuffle_items}};
  if (config.lora.init_adapter.empty()) {  // an adapter has its own shape
    settings["rank"] = config.lora.rank;
    settings["alpha"] = config.lora.alpha;
    settings["rank_stabilised"] = config.lora.rank_stabilised;
    if (!config.lora.adapts_all()) {  // unknown to checkpoints that are older than the setting
      settings["targets"] = fmt::format("{}", fmt::join(config.lora.targets, ", "));
    }
  }
  return settings;
}

void train_router(const Experiment& experiment, const experts::RoutedModel& model, const std::string& job,
                  const std::filesystem::path& step, const std::filesystem::path& to) {
  const ExperimentConfig& config = experiment.config();
  const model::LlamaConfig& shape = model.backbone().config();
  const auto router =
      std::make_shared<experts::RouterGate>(shape.layers, shape.hidden, model.bank().size(),
                                            router_options(config.router), model.backbone().device());
  const train::GatePenalty penalty{config.router.entropy_weight, config.router.balance_weight};
  const GroupGates gates{{"router", router}};
  const Phases phases{experiment,
                      job,
                      step,
                      step / "checkpoints",
                      model,
                      config.router,
                      {{"router", &router->parameters(), router, penalty, router_group_settings(config)}},
                      gates,
                      validation_examples(experiment, "", 0),
                      watch_answers(experiment, model, gates)};
  phases.run(router_examples(experiment), shuffled_items(experiment, {}),
             phases.by_utility() ? router_examples(experiment) : std::vector<train::Example>());
  if (experiment.world().first()) {
    experts::save_router(*router, config.experts, to);
  }
}

}  // namespace routedk::workflow
