/// Trains for a few steps like routedk-train. Prints the machine with its measured product rate, then a JSON
/// line per step with the operations of its products. First writes what another program needs to do the same:
/// FOLDER/adapters/NAME (PEFT, as initialised) and FOLDER/batches.jsonl (each step's sequences as [{"ids",
/// "prompt_length"}]).
#include "routedk/core/config.h"
#include "routedk/core/files.h"
#include "routedk/experts/peft.h"
#include "routedk/io/jsonl.h"
#include "routedk/kernels/cpu/capability.h"
#include "routedk/train/data_order.h"
#include "routedk/train/joint_step.h"
#include "routedk/workflow/experiment/program.h"
#include "routedk/workflow/steps/learning_data.h"

#include <iostream>

#include <ATen/Parallel.h>
#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace {

using namespace routedk;

struct Options {
  workflow::ProgramOptions program;
  std::filesystem::path folder;
  std::int64_t steps = 10;
  int experts = 1;
};

/// Example i belongs to expert i % experts.
std::vector<train::Example> examples_of(const workflow::Experiment& experiment, int experts) {
  std::vector<train::Example> examples = workflow::router_examples(experiment);
  for (std::size_t i = 0; i < examples.size(); ++i) {
    examples[i].group = static_cast<int>(i) % experts;
  }
  return examples;
}

io::Json sequence_json(const train::Example& example) {
  std::vector<std::int32_t> ids = example.prompt;
  ids.insert(ids.end(), example.answer.begin(), example.answer.end());
  return {{"ids", ids}, {"prompt_length", example.prompt.size()}};
}

struct Group {
  std::shared_ptr<experts::Expert> expert;
  std::vector<const train::Example*> examples;
};

void write_batches(const Options& options, const std::vector<Group>& groups,
                   const train::TrainConfig& config) {
  io::JsonlWriter writer(options.folder / "batches.jsonl");
  std::vector<train::DataOrder> orders;
  orders.reserve(groups.size());
  for (const Group& group : groups) {
    orders.emplace_back(static_cast<std::int64_t>(group.examples.size()), config.batch_size, config.seed,
                        group.expert->name());
  }
  for (std::int64_t step = 0; step < options.steps; ++step) {
    io::Json line = io::Json::array();
    for (std::size_t i = 0; i < groups.size(); ++i) {
      for (const std::size_t example : orders[i].batch(step)) {
        line.push_back(sequence_json(*groups[i].examples[example]));
      }
    }
    writer.append(line);
  }
}

/// Operations of the products with frozen weights, forward and for the gradient of the input, per token and,
/// for the head, per answer token. Excludes attention, adapters and what `recompute` repeats.
struct Flops {
  double token = 0.0;
  double answer_token = 0.0;
};

Flops flops_of(const model::LlamaConfig& config) {
  std::int64_t layer = 0;
  for (int i = 0; i < model::kLinears; ++i) {
    const model::LinearShape shape = model::linear_shape(config, static_cast<model::Linear>(i));
    layer += shape.out * shape.in;
  }
  return {4.0 * static_cast<double>(config.layers * layer),
          4.0 * static_cast<double>(config.vocab * config.hidden)};
}

void print_machine(kernels::Precision precision) {
  const io::Json line = {{"cpu", kernels::cpu::cpu_name()},
                         {"isa", name_of(kernels::cpu::cpu_isa())},
                         {"threads", at::get_num_threads()},
                         {"precision", name_of(precision)},
                         {"product_rate", kernels::cpu::product_rate(precision)}};
  std::cout << line.dump() << std::endl;
}

void run(workflow::Experiment& experiment, const Options& options) {
  const workflow::ExperimentConfig& config = experiment.config();
  const auto backbone = experiment.backbone();
  print_machine(backbone->precision());
  const Flops flops = flops_of(backbone->config());
  const std::vector<train::Example> examples = examples_of(experiment, options.experts);
  std::vector<Group> groups;
  std::vector<std::shared_ptr<experts::Expert>> bank;
  for (int i = 0; i < options.experts; ++i) {
    experts::LoraOptions lora;
    lora.rank = config.lora.rank;
    lora.alpha = config.lora.alpha;
    groups.push_back(
        {std::make_shared<experts::Expert>(fmt::format("expert{}", i), backbone->config(), lora), {}});
    groups.back().expert->initialise(config.train.seed);
    groups.back().expert->to(backbone->device());
    bank.push_back(groups.back().expert);
    experts::save_peft(*bank.back(), options.folder / "adapters" / bank.back()->name(), config.model.path);
  }
  for (const train::Example& example : examples) {
    groups[static_cast<std::size_t>(example.group)].examples.push_back(&example);
  }
  write_batches(options, groups, config.train);
  const experts::RoutedModel model(backbone, std::make_shared<experts::ExpertBank>(bank));
  std::vector<std::unique_ptr<train::GroupTrainer>> trainers;
  for (int i = 0; i < options.experts; ++i) {
    const auto gate = std::make_shared<experts::SingleExpertGate>(i, options.experts);
    const Group& group = groups[static_cast<std::size_t>(i)];
    trainers.push_back(std::make_unique<train::GroupTrainer>(
        model, config.train, train::ParameterGroup{group.expert->name(), &group.expert->parameters(), gate},
        train::GroupExamples{group.examples, {}}));
  }
  std::vector<train::GroupTrainer*> all;
  all.reserve(trainers.size());
  for (const auto& trainer : trainers) {
    all.push_back(trainer.get());
  }
  for (std::int64_t step = 0; step < options.steps; ++step) {
    const std::vector<train::GroupStep> steps = train::compute_steps(model, config.train, all);
    for (std::size_t i = 0; i < all.size(); ++i) {
      train::GroupTrainer* const trainer = all[i];
      const train::GroupStep& done = steps[i];
      const double before = trainer->progress().seconds;
      trainer->apply(done);
      const io::Json line = {{"step", step},
                             {"loss", done.loss},
                             {"grad_norm", done.grad_norm},
                             {"tokens", done.tokens},
                             {"answer_tokens", done.answer_tokens},
                             {"flops", flops.token * static_cast<double>(done.tokens) +
                                           flops.answer_token * static_cast<double>(done.answer_tokens)},
                             {"seconds", trainer->progress().seconds - before}};
      std::cout << line.dump() << std::endl;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Training steps with their losses, for run.py.");
  Options options;
  app.add_option("folder", options.folder)->required();
  app.add_option("--steps", options.steps);
  app.add_option("--experts", options.experts);
  app.add_option("--set", options.program.assignments)->allow_extra_args(false);
  CLI11_PARSE(app, argc, argv);
  return workflow::run_program([&] {
    std::filesystem::create_directories(options.folder);
    workflow::with_experiment(options.program,
                              [&](workflow::Experiment& experiment) { run(experiment, options); });
  });
}
