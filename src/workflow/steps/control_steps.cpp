#include "routedk/experts/gate_spec.h"
#include "routedk/experts/peft.h"
#include "routedk/experts/random_expert.h"
#include "routedk/workflow/predict/mixture.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/steps.h"

#include "phases.h"

namespace routedk::workflow {
namespace {

void train_random_experts(Experiment& experiment, const std::string& name) {
  const auto backbone = experiment.backbone();
  const ExperimentConfig& config = experiment.config();
  const auto trained = load_bank(experiment.expert_folders(), backbone->config());
  std::vector<std::shared_ptr<experts::Expert>> random;
  for (std::int64_t i = 0; i < trained->size(); ++i) {
    // Must not have the trained expert's name, whose random values its A started from.
    random.push_back(std::make_shared<experts::Expert>(experts::random_expert(
        "random_" + (*trained)[i].name(), (*trained)[i], backbone->config(), config.train.seed)));
    if (experiment.world().first()) {
      experts::save_peft(*random.back(), experiment.control_folder(name) / "experts" / (*trained)[i].name(),
                         config.model.path);
    }
  }
  const auto bank = std::make_shared<experts::ExpertBank>(std::move(random));
  bank->freeze(*backbone);
  train_router(experiment, {backbone, bank}, name, experiment.step_folder({StepKind::kControls, name}),
               experiment.control_folder(name) / "router");
}

/// An expert's settings, with as many steps and the same objectives as the router's.
train::TrainConfig lora_on_router_data(const ExperimentConfig& config) {
  train::TrainConfig training = config.train;
  training.objective = config.router.objective;
  training.epochs = config.router.epochs;
  training.max_steps = config.router.max_steps;
  training.batch_size = config.router.batch_size;
  training.expected_utility.utility = config.router.expected_utility.utility;
  training.expected_utility.samples = config.router.expected_utility.samples;
  training.expected_utility.steps = config.router.expected_utility.steps;
  training.expected_utility.batch_size = config.router.expected_utility.batch_size;
  return training;
}

void train_one_lora(Experiment& experiment, const std::string& name) {
  const auto backbone = experiment.backbone();
  const train::TrainConfig training = lora_on_router_data(experiment.config());
  const std::vector bank{new_expert(name, experiment.config(), backbone->config())};
  experts::Expert& lora = *bank.front();
  lora.to(backbone->device());
  const experts::RoutedModel model(backbone, std::make_shared<experts::ExpertBank>(bank));
  const auto gate = std::make_shared<experts::SingleExpertGate>(0, 1);
  const GroupGates gates{{name, gate}};
  const Phases phases{experiment,
                      name,
                      experiment.step_folder({StepKind::kControls, name}),
                      experiment.step_folder({StepKind::kControls, name}) / "checkpoints",
                      model,
                      training,
                      {{name, &lora.parameters(), gate, {}, expert_settings(experiment)}},
                      gates,
                      validation_examples(experiment, "", 0),
                      watch_answers(experiment, model, gates)};
  phases.run(router_examples(experiment), shuffled_items(experiment, {}),
             phases.by_utility() ? router_examples(experiment) : std::vector<train::Example>());
  if (experiment.world().first()) {
    experts::save_peft(lora, experiment.control_folder(name), experiment.config().model.path);
  }
}

}  // namespace

std::vector<std::string> trained_controls(const ExperimentConfig& config) {
  std::vector<std::string> controls;
  for (const std::string& system : config.eval.systems) {
    if (experts::is_trained_control(experts::parse_gate_spec(system).kind)) {
      controls.push_back(system);
    }
  }
  return controls;
}

void control_step(Experiment& experiment, const std::string& name) {
  const StepId id{StepKind::kControls, name};
  for (const StepId& input : experiment.step(id).inputs) {
    require_done(experiment, input, "routedk-train");
  }
  if (!begin_step(experiment, id)) {
    return;
  }
  if (experts::parse_gate_spec(name).kind == experts::GateKind::kRandomExperts) {
    train_random_experts(experiment, name);
  } else {
    train_one_lora(experiment, name);
  }
  mark_done(experiment, {id});
}

void controls_step(Experiment& experiment) {
  for (const std::string& name : trained_controls(experiment.config())) {
    control_step(experiment, name);
  }
}

}  // namespace routedk::workflow
