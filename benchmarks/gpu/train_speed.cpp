/// QLoRA steps of a random model on a GPU, as in routedk-train: a JSON line with tokens per second, peak
/// memory, losses and gradient norms, and the copy and product rates of the same GPU.
#include "routedk/core/error.h"
#include "routedk/core/random.h"
#include "routedk/io/jsonl.h"
#include "routedk/kernels/gpu.h"
#include "routedk/train/joint_step.h"

#include <iostream>
#include <memory>

#include "support/llama_8b.h"
#include "timing.h"
#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace {

using namespace routedk;

struct Options {
  std::int64_t layers = 32;
  std::int64_t sequences = 8;  ///< per expert and step
  std::int64_t tokens = 1024;  ///< per sequence
  std::int64_t together = 1;   ///< sequences per pass
  int experts = 1;
  std::int64_t rank = 16;
  std::int64_t steps = 6;
  double dropout = 0.0;
  bool recompute = false;
  bool double_quant = true;
  std::string device = "cuda";
};

/// Its prompt is one token: all others are learnt.
train::Example random_example(std::uint64_t key, std::int64_t tokens, std::int64_t vocab) {
  Random random(1, "example", {key});
  train::Example example;
  example.key = key;
  example.prompt = {static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocab)))};
  for (std::int64_t t = 1; t < tokens; ++t) {
    example.answer.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocab))));
  }
  return example;
}

io::Json limits(at::Device device) {
  const auto numbers = at::TensorOptions(device).dtype(at::kBFloat16);
  const at::Tensor a = at::randn({8192, 8192}, numbers);
  at::Tensor c = at::empty_like(a);
  const double product = benchmarks::seconds_of(10, c, [&] { at::mm_out(c, a, a); });
  return {{"gpu", kernels::gpu_name(device.index())},
          {"copy_gb_per_second", benchmarks::copy_bandwidth(device) / 1e9},
          {"product_tflops", 2.0 * 8192.0 * 8192.0 * 8192.0 / product / 1e12}};
}

void run(const Options& options) {
  const at::Device device = model::parse_device("device", options.device);
  io::Json found = device.is_cuda() ? limits(device) : io::Json::object();
  const model::LlamaConfig shape = testing::llama_8b(options.layers);
  const model::LoadOptions load{model::Quant::kNf4, options.double_quant, kernels::Precision::kBFloat16,
                                device};
  auto backbone = std::make_shared<const model::Backbone>(model::Backbone::random(shape, load, 1));
  found["weights_gb"] = static_cast<double>(backbone->bytes()) / 1e9;

  train::TrainConfig config;
  config.batch_size = options.sequences;
  config.max_tokens = options.tokens * options.together;
  config.dropout = options.dropout;
  config.recompute = options.recompute;
  config.warmup = 0.0;
  config.learning_rate = 1e-4;
  config.schedule = train::ScheduleKind::kConstant;
  config.epochs = options.steps;
  std::vector<train::Example> examples;
  for (std::int64_t i = 0; i < options.sequences * options.experts; ++i) {
    examples.push_back(random_example(static_cast<std::uint64_t>(i), options.tokens, shape.vocab));
  }
  std::vector<std::shared_ptr<experts::Expert>> bank;
  for (int i = 0; i < options.experts; ++i) {
    experts::LoraOptions lora;
    lora.rank = options.rank;
    lora.alpha = 2.0 * static_cast<double>(options.rank);
    bank.push_back(std::make_shared<experts::Expert>(fmt::format("expert{}", i), shape, lora, device));
    bank.back()->initialise(1);
  }
  const experts::RoutedModel model(backbone, std::make_shared<experts::ExpertBank>(bank));
  std::vector<std::unique_ptr<train::GroupTrainer>> trainers;
  std::vector<train::GroupTrainer*> groups;
  for (int i = 0; i < options.experts; ++i) {
    std::vector<const train::Example*> own;
    for (std::int64_t s = 0; s < options.sequences; ++s) {
      own.push_back(&examples[static_cast<std::size_t>(i * options.sequences + s)]);
    }
    trainers.push_back(std::make_unique<train::GroupTrainer>(
        model, config,
        train::ParameterGroup{bank[static_cast<std::size_t>(i)]->name(),
                              &bank[static_cast<std::size_t>(i)]->parameters(),
                              std::make_shared<experts::SingleExpertGate>(i, options.experts)},
        train::GroupExamples{own, {}}));
    groups.push_back(trainers.back().get());
  }
  io::Json losses = io::Json::array();
  io::Json norms = io::Json::array();
  io::Json seconds = io::Json::array();
  std::int64_t tokens = 0;
  double measured = 0.0;
  kernels::reset_gpu_peak();
  for (std::int64_t step = 0; step < options.steps; ++step) {
    const auto start = benchmarks::Clock::now();
    const std::vector<train::GroupStep> steps = train::compute_steps(model, config, groups);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      groups[i]->apply(steps[i]);
    }
    benchmarks::wait_for(groups.back()->state().values);
    const double took = benchmarks::seconds_since(start);
    losses.push_back(steps[0].loss);
    norms.push_back(steps[0].grad_norm);
    seconds.push_back(took);
    if (step >= 2) {  // the first steps fill the allocator and cuBLAS's caches
      measured += took;
      tokens += options.sequences * options.tokens * options.experts;
    }
  }
  found.update({{"layers", options.layers},
                {"experts", options.experts},
                {"sequences", options.sequences},
                {"tokens_of_sequence", options.tokens},
                {"sequences_of_pass", options.together},
                {"recompute", options.recompute},
                {"dropout", options.dropout},
                {"tokens_per_second", static_cast<double>(tokens) / measured},
                {"peak_gb", static_cast<double>(kernels::gpu_peak_bytes()) / 1e9},
                {"losses", losses},
                {"gradient_norms", norms},
                {"seconds", seconds}});
  std::cout << found.dump() << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("QLoRA steps of Llama-3.1-8B's shape with random weights on a GPU; prints one JSON line.");
  Options options;
  app.add_option("--layers", options.layers);
  app.add_option("--sequences", options.sequences, "of each expert in a step");
  app.add_option("--tokens", options.tokens, "of a sequence");
  app.add_option("--together", options.together, "sequences of one pass, of all experts");
  app.add_option("--experts", options.experts);
  app.add_option("--rank", options.rank);
  app.add_option("--steps", options.steps, "of which the first two are not timed");
  app.add_option("--dropout", options.dropout);
  app.add_option("--device", options.device);
  app.add_flag("--recompute", options.recompute);
  CLI11_PARSE(app, argc, argv);
  try {
    run(options);
  } catch (const std::exception& error) {
    std::cerr << "routedk_gpu_train: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
