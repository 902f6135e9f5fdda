#include "routedk/core/error.h"
#include "routedk/experts/peft.h"
#include "routedk/experts/router_file.h"
#include "routedk/train/trainer.h"
#include "routedk/workflow/experiment/metrics_log.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/policy_samples.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/watch.h"

#include <algorithm>

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

std::shared_ptr<experts::Expert> new_expert(const std::string& name, const ExperimentConfig& config,
                                            const model::LlamaConfig& model) {
  if (!config.lora.init_adapter.empty()) {
    return std::make_shared<experts::Expert>(experts::load_peft(config.lora.init_adapter, name, model));
  }
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

/// "best validation loss 0.4321"; of training by utility minus that.
std::string best_text(const train::TrainConfig& config, const train::GroupProgress& progress) {
  const double best = progress.best_validation_loss.value_or(progress.last_loss);
  if (config.objective == train::ObjectiveKind::kLikelihood) {
    return fmt::format("best validation loss {:.4f} at step {}", best, progress.best_step);
  }
  const std::string skipped =
      progress.skipped_steps == 0
          ? ""
          : fmt::format("; {} steps had no prompt whose samples differ in utility and changed nothing",
                        progress.skipped_steps);
  return (progress.best_validation_loss
              ? fmt::format("best validation utility {:.4f} at step {}", -best, progress.best_step)
              : std::string("no validation")) +
         skipped;
}

void train_and_log(train::TrainingJob job) {
  const train::TrainConfig config = job.config;
  for (const train::GroupResult& result : train::Trainer(std::move(job)).run()) {
    const train::GroupProgress& p = result.progress;
    spdlog::info("{}: {} steps, {} tokens in {:.0f} s ({:.0f} tokens/s), {}", result.name, p.step, p.tokens,
                 p.seconds, static_cast<double>(p.tokens) / std::max(p.seconds, 1e-9), best_text(config, p));
  }
}

/// A step's training: by likelihood and then, where the objective says so, from there by expected utility.
struct Phases {
  const Experiment& experiment;
  std::string name;                   ///< of the metrics' job
  std::filesystem::path checkpoints;  ///< the second phase's lie in a folder of them
  const experts::RoutedModel& model;
  const train::TrainConfig& config;
  std::vector<train::ParameterGroup> groups;
  GroupGates gates;
  std::vector<train::Example> validation;
  train::ValidationHook watch;

  void by_likelihood(std::vector<train::Example> training, train::AugmentFn augment) const {
    MetricsLog metrics(experiment.folder(), name);
    train::TrainingJob job{
        model,         config.likelihood_phase(), groups, std::move(training), validation, checkpoints,
        metrics.sink()};
    job.augment = std::move(augment);
    job.on_validation = watch;
    train_and_log(std::move(job));
  }

  void by_utility(std::vector<train::Example> training) const {
    MetricsLog metrics(experiment.folder(), name + "_expected_utility");
    train::TrainingJob job{model,      config.utility_phase(),           groups,        std::move(training),
                           validation, checkpoints / "expected_utility", metrics.sink()};
    job.augment = shuffled_items(experiment, {});
    job.on_validation = watch;
    job.sample = policy_samples(experiment, model, gates, config);
    train_and_log(std::move(job));
  }
};

/// What an expert's numbers depend on beside the training's settings and its examples.
io::Json expert_settings(const Experiment& experiment) {
  const ExperimentConfig& config = experiment.config();
  return {{"rank", config.lora.rank},
          {"alpha", config.lora.alpha},
          {"rank_stabilised", config.lora.rank_stabilised},
          {"init_adapter", experiment.init_adapter()},
          {"shuffle_items", config.augment.shuffle_items}};
}

io::Json router_group_settings(const ExperimentConfig& config) {
  const RouterSettings& r = config.router;
  return {{"kind", name_of(r.kind)},
          {"scale", name_of(r.scale)},
          {"granularity", name_of(r.granularity)},
          {"pool_norm", name_of(r.pool_norm)},
          {"temperature", r.temperature},
          {"top_k", r.top_k},
          {"threshold", r.threshold},
          {"shuffle_items", config.augment.shuffle_items}};
}

/// New experts and their groups, each under the gate that gives it every sequence.
struct NewBank {
  std::vector<std::shared_ptr<experts::Expert>> experts;
  std::vector<train::ParameterGroup> groups;
  GroupGates gates;
};

NewBank new_bank(const Experiment& experiment, const std::vector<std::string>& names,
                 const model::Backbone& backbone) {
  NewBank bank;
  const auto count = static_cast<std::int64_t>(names.size());
  for (const std::string& name : names) {
    const auto place = static_cast<int>(bank.experts.size());
    const auto gate = std::make_shared<experts::SingleExpertGate>(place, count);
    bank.experts.push_back(new_expert(name, experiment.config(), backbone.config()));
    bank.experts.back()->to(backbone.device());
    bank.groups.push_back({name, &bank.experts.back()->parameters(), gate, {}, expert_settings(experiment)});
    bank.gates[name] = gate;
  }
  return bank;
}

void save_experts(const Experiment& experiment, const NewBank& bank) {
  for (const auto& expert : bank.experts) {
    experts::save_peft(*expert, experiment.expert_folder(expert->name()), experiment.config().model.path);
  }
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
  if (experiment.has_sessions()) {
    require_done(experiment, "distil", "routedk-distill");
  }
  std::vector<std::string> names;
  std::copy_if(experts.begin(), experts.end(), std::back_inserter(names),
               [&](const std::string& name) { return begin_step(experiment, "train-" + name); });
  if (names.empty()) {
    return;
  }
  const auto backbone = experiment.backbone();
  require_data_within(experiment, backbone->config().context);
  const NewBank bank = new_bank(experiment, names, *backbone);
  const experts::RoutedModel model(backbone, std::make_shared<experts::ExpertBank>(bank.experts));
  const auto checkpoints = experiment.folder() / "checkpoints" / fmt::format("{}", fmt::join(names, "+"));
  Phases phases{experiment,  "train",    checkpoints, model, experiment.config().train,
                bank.groups, bank.gates, {},          {}};
  std::vector<train::Example> training;
  std::vector<train::Example> raw;
  const bool by_utility = phases.config.objective == train::ObjectiveKind::kExpectedUtility;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const int group = static_cast<int>(i);
    InputCounts counts;
    append(training, expert_examples(experiment, names[i], group, &counts));
    if (experiment.has_sessions()) {
      record_inputs(experiment, names[i], counts);
    }
    append(phases.validation, validation_examples(experiment, names[i], group));
    if (by_utility) {
      append(raw, raw_expert_examples(experiment, names[i], group));
    }
  }
  phases.watch = watch_answers(experiment, model, bank.gates);
  phases.by_likelihood(std::move(training), shuffled_items(experiment, names));
  if (by_utility) {
    phases.by_utility(std::move(raw));
  }
  save_experts(experiment, bank);
  std::vector<std::string> steps;
  std::transform(names.begin(), names.end(), std::back_inserter(steps),
                 [](const std::string& name) { return "train-" + name; });
  mark_done(experiment, steps);
}

void router_step(Experiment& experiment) {
  const ExperimentConfig& config = experiment.config();
  for (const std::string& name : config.experts) {
    require_done(experiment, "train-" + name, "routedk-train");
  }
  if (!begin_step(experiment, "router")) {
    return;
  }
  const experts::RoutedModel model = experiment.routed_model();
  const model::LlamaConfig& shape = model.backbone().config();
  const auto router =
      std::make_shared<experts::RouterGate>(shape.layers, shape.hidden, model.bank().size(),
                                            router_options(config.router), model.backbone().device());
  const train::GatePenalty penalty{config.router.entropy_weight, config.router.balance_weight};
  const GroupGates gates{{"router", router}};
  const Phases phases{experiment,
                      "router",
                      experiment.folder() / "checkpoints" / "router",
                      model,
                      config.router,
                      {{"router", &router->parameters(), router, penalty, router_group_settings(config)}},
                      gates,
                      validation_examples(experiment, "", 0),
                      watch_answers(experiment, model, gates)};
  phases.by_likelihood(router_examples(experiment), shuffled_items(experiment, {}));
  if (config.router.objective == train::ObjectiveKind::kExpectedUtility) {
    phases.by_utility(router_examples(experiment));
  }
  experts::save_router(*router, config.experts, experiment.router_folder());
  mark_done(experiment, {"router"});
}

}  // namespace routedk::workflow
