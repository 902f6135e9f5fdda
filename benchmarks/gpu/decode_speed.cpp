/// Samples one prompt with a random model with three experts on a GPU: tokens per second as routedk-predict
/// decodes, the time of a step alone, and bytes per step with their share of the GPU's copy bandwidth.
#include "routedk/core/random.h"
#include "routedk/decode/decoder.h"
#include "routedk/io/jsonl.h"
#include "routedk/kernels/gpu.h"

#include <fstream>
#include <iostream>
#include <memory>

#include "support/llama_8b.h"
#include "timing.h"
#include <ATen/core/grad_mode.h>
#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace {

using namespace routedk;
using benchmarks::Clock;
using benchmarks::seconds_since;
using benchmarks::wait_for;

struct Options {
  std::int64_t layers = 32;
  std::int64_t prompt = 1000;
  std::int64_t rank = 16;
  std::int64_t steps = 96;
  std::vector<std::int64_t> samples = {1, 8, 32};
  bool tensors = false;
  std::string json;
};

constexpr std::int64_t kWarmUp = 16;  // untimed steps
constexpr std::int64_t kExperts = 3;

experts::RoutedModel random_model(const Options& options) {
  const model::LlamaConfig shape = testing::llama_8b(options.layers);
  const model::LoadOptions load{model::Quant::kNf4, true, kernels::Precision::kBFloat16, at::kCUDA};
  auto backbone = std::make_shared<const model::Backbone>(model::Backbone::random(shape, load, 1));
  std::vector<std::shared_ptr<experts::Expert>> bank;
  for (std::int64_t i = 0; i < kExperts; ++i) {
    experts::LoraOptions lora;
    lora.rank = options.rank;
    lora.alpha = 2.0 * static_cast<double>(options.rank);
    bank.push_back(std::make_shared<experts::Expert>(fmt::format("expert{}", i), shape, lora, at::kCUDA));
    bank.back()->parameters().values().normal_(0.0, 0.01);
  }
  auto frozen = std::make_shared<experts::ExpertBank>(bank);
  frozen->freeze(*backbone);
  return {backbone, frozen};
}

/// Tokens per second of all samples, from the step after the warm-up to the last.
double generated_per_second(const decode::Decoder& decoder, const experts::Gate& gate,
                            const decode::Prompt& prompt, std::int64_t samples, std::int64_t steps) {
  Clock::time_point start;
  std::int64_t written = 0;
  decode::GenerateOptions generate;
  generate.samples = samples;
  generate.sampling.temperature = 1.0;
  generate.max_new_tokens = kWarmUp + steps + 1;
  generate.end_of_turn = -1;
  generate.on_token = [&](std::size_t, std::int64_t sample, text::TokenId) {
    written += sample == 0 ? 1 : 0;
    if (sample == 0 && written == kWarmUp + 1) {
      start = Clock::now();
    }
  };
  (void)decoder.generate(gate, {&prompt, 1}, generate);
  return static_cast<double>(samples * steps) / seconds_since(start);
}

/// Seconds per step of that many branches, without sampling.
double step_seconds(const decode::Decoder& decoder, const experts::Gate& gate, const decode::Prompt& prompt,
                    std::int64_t samples, std::int64_t steps) {
  const auto length = static_cast<std::int64_t>(prompt.ids.size());
  kernels::KvCache cache = decoder.make_cache({length});
  std::vector<kernels::CacheRow> rows;
  for (std::int64_t t = 0; t < length; ++t) {
    rows.push_back({0, kernels::CacheRow::kPrompt, t});
  }
  const experts::FrozenGate frozen(
      decoder.forward(model::FlatBatch::make({prompt.ids}, {length}), gate, rows, cache).rows);
  cache.reserve(samples, kWarmUp + steps);
  at::Tensor logits;
  Clock::time_point start;
  for (std::int64_t step = 0; step < kWarmUp + steps; ++step) {
    if (step == kWarmUp) {
      wait_for(logits);
      start = Clock::now();
    }
    rows.clear();
    for (std::int64_t b = 0; b < samples; ++b) {
      rows.push_back({0, b, step});
    }
    model::FlatBatch batch =
        model::FlatBatch::make({std::vector<std::int32_t>(static_cast<std::size_t>(samples), 7)}, {1});
    batch.positions = at::full({samples}, length + step, at::kLong);
    logits = decoder.logits(decoder.forward(batch, frozen, rows, cache).hidden);
  }
  wait_for(logits);
  return seconds_since(start) / static_cast<double>(steps);
}

void run(const Options& options) {
  const at::NoGradGuard no_grad;
  const double copy = benchmarks::copy_bandwidth(at::kCUDA);
  const experts::RoutedModel model = random_model(options);
  const decode::Decoder decoder(model,
                                options.tensors ? decode::Kernels::kReference : decode::Kernels::kInt8);
  const experts::FixedGate gate({0.5F, 0.3F, 0.4F});
  decode::Prompt prompt;
  Random random(1, "prompt", {});
  for (std::int64_t t = 0; t < options.prompt; ++t) {
    prompt.ids.push_back(static_cast<std::int32_t>(random.below(128000)));
  }
  const model::LlamaConfig shape = testing::llama_8b(options.layers);
  const std::int64_t kept = 4 * shape.layers * shape.kv_heads * shape.head_dim * options.prompt;
  const double bytes = static_cast<double>(decoder.bytes_per_token(true) + kept);
  io::Json found = {
      {"gpu", kernels::gpu_name(0)}, {"path", decoder.path()},          {"copy_gb_per_second", copy / 1e9},
      {"step_gb", bytes / 1e9},      {"prompt_tokens", options.prompt}, {"experts", kExperts},
      {"rank", options.rank},        {"decode", io::Json::array()}};
  fmt::print("{}, copies {:.0f} GB/s; {}, {:.3f} GB a step\n", kernels::gpu_name(0), copy / 1e9,
             decoder.path(), bytes / 1e9);
  fmt::print("samples  tokens/s  step ms  without draws ms  GB/s  of copy\n");
  for (const std::int64_t samples : options.samples) {
    const double alone = step_seconds(decoder, gate, prompt, samples, options.steps);
    const double rate = generated_per_second(decoder, gate, prompt, samples, options.steps);
    const double whole = static_cast<double>(samples) / rate;
    fmt::print("{:7}  {:8.0f}  {:7.3f}  {:16.3f}  {:4.0f}  {:6.1f} %\n", samples, rate, whole * 1e3,
               alone * 1e3, bytes / whole / 1e9, 100.0 * bytes / whole / copy);
    std::cout << std::flush;
    found["decode"].push_back({{"samples", samples},
                               {"tokens_per_second", rate},
                               {"step_ms", whole * 1e3},
                               {"step_without_draws_ms", alone * 1e3},
                               {"fraction_of_copy", bytes / whole / copy}});
  }
  if (!options.json.empty()) {
    std::ofstream(options.json) << found.dump(2) << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Decoding Llama-3.1-8B's shape with random weights and three experts on a GPU.");
  Options options;
  app.add_option("--layers", options.layers);
  app.add_option("--prompt", options.prompt, "tokens of the prompt");
  app.add_option("--rank", options.rank, "of each expert");
  app.add_option("--steps", options.steps, "that are timed");
  app.add_option("--samples", options.samples, "of the prompt, one or more numbers");
  app.add_flag("--tensors", options.tensors, "the reference engine instead of graphs");
  app.add_option("--json", options.json, "file for the figures");
  CLI11_PARSE(app, argc, argv);
  try {
    run(options);
  } catch (const std::exception& error) {
    std::cerr << "routedk_gpu_decode: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
