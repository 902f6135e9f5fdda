/// Decodes prompts without constraints, like routedk-predict, and prints a JSON line per prompt, for run.py.
#include "routedk/core/config.h"
#include "routedk/decode/decoder.h"
#include "routedk/experts/router.h"
#include "routedk/io/jsonl.h"
#include "routedk/kernels/cpu/capability.h"
#include "routedk/workflow/experiment/program.h"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <optional>
#include <set>

#include "add_choice.h"
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace {

using namespace routedk;
using Clock = std::chrono::steady_clock;

struct Options {
  std::filesystem::path model;
  std::filesystem::path prompts;
  model::Quant quant = model::Quant::kAuto;
  std::int64_t samples = 1;
  std::int64_t new_tokens = 64;
  std::int64_t experts = 3;
  std::int64_t top_k = 0;
  double temperature = 0.7;
  bool reference = false;
  bool roofline = false;
};

/// Experts of rank 16 on all linears, with about the effect of trained ones on the logits.
std::shared_ptr<experts::ExpertBank> make_bank(const model::LlamaConfig& config, std::int64_t count) {
  const at::NoGradGuard no_grad;
  std::vector<std::shared_ptr<experts::Expert>> all;
  for (std::int64_t i = 0; i < std::max<std::int64_t>(count, 1); ++i) {
    all.push_back(
        std::make_shared<experts::Expert>(fmt::format("expert{}", i), config, experts::LoraOptions{}));
    all.back()->initialise(static_cast<std::uint64_t>(i));
    auto& values = all.back()->parameters().values();
    values.add_(at::sin(at::arange(values.numel(), at::kFloat)), 0.003);
  }
  auto bank = std::make_shared<experts::ExpertBank>(std::move(all));
  bank->freeze(at::kFloat);
  return bank;
}

std::unique_ptr<experts::Gate> make_gate(const model::LlamaConfig& config, const Options& options) {
  if (options.experts == 0) {
    return std::make_unique<experts::SingleExpertGate>(-1, 1);
  }
  experts::RouterOptions router;
  router.top_k = options.top_k;
  auto gate = std::make_unique<experts::RouterGate>(config.layers, config.hidden, options.experts, router);
  auto& values = gate->parameters().values();
  values.copy_(at::sin(at::arange(values.numel(), at::kFloat)) * 0.05);
  return gate;
}

/// Bytes per second that all threads read together, the best of a few passes over 512 MiB.
double reading_bandwidth() {
  const at::Tensor memory = at::ones({std::int64_t{1} << 27}, at::kFloat);
  double best = 0.0;
  for (int pass = 0; pass < 8; ++pass) {
    const auto start = Clock::now();
    const at::Tensor sum = memory.sum();
    const std::chrono::duration<double> seconds = Clock::now() - start;
    best = std::max(best, static_cast<double>(memory.nbytes()) / seconds.count());
  }
  return best;
}

void print_line(const decode::Decoder& decoder, io::Json line) {
  line["path"] = decoder.path();
  line["threads"] = at::get_num_threads();
  line["cpu"] = kernels::cpu::cpu_name();
  line["isa"] = name_of(kernels::cpu::cpu_isa());
  std::cout << line.dump() << std::endl;
}

/// The limit for one sequence: reading a token's weights at memory bandwidth.
void print_roofline(const decode::Decoder& decoder, bool experts) {
  const double bandwidth = reading_bandwidth();
  const std::int64_t bytes = decoder.bytes_per_token(experts);
  print_line(decoder, {{"bytes_per_token", bytes},
                       {"bytes_per_second", bandwidth},
                       {"tokens_per_second", bandwidth / static_cast<double>(bytes)}});
}

/// New tokens that went through the layers: tokens shared by several samples count once.
std::int64_t new_rows(const decode::Generation& generation) {
  std::set<std::vector<std::int32_t>> prefixes;
  for (const decode::Candidate& candidate : generation.candidates) {
    for (auto end = candidate.ids.begin(); end + 1 < candidate.ids.end(); ++end) {
      prefixes.emplace(candidate.ids.begin(), end + 1);
    }
  }
  return static_cast<std::int64_t>(prefixes.size());
}

void run(const Options& options) {
  model::LoadOptions load;
  load.quant = options.quant;
  const auto backbone = std::make_shared<const model::Backbone>(model::Backbone::load(options.model, load));
  const experts::RoutedModel model(backbone, make_bank(backbone->config(), options.experts));
  const decode::Decoder decoder(model,
                                options.reference ? decode::Kernels::kReference : decode::Kernels::kInt8);
  if (options.roofline) {
    print_roofline(decoder, options.experts > 0);
    return;
  }
  const auto gate = make_gate(backbone->config(), options);
  io::read_jsonl(options.prompts, [&](const io::Json& json, std::int64_t) {
    const decode::Prompt prompt{json.at("ids").get<std::vector<std::int32_t>>(), 1};
    decode::GenerateOptions generate;
    generate.samples = options.samples;
    generate.sampling.temperature = options.temperature;
    generate.end_of_turn = -1;  // never: every sample writes all its tokens
    const auto timed = [&](std::int64_t tokens) {
      generate.max_new_tokens = tokens;
      const auto start = Clock::now();
      const auto result = decoder.generate(*gate, {&prompt, 1}, generate);
      const std::chrono::duration<double> seconds = Clock::now() - start;
      return std::make_pair(seconds.count(), result);
    };
    timed(2);  // warm-up
    const auto [prefill, one_token] = timed(1);
    const decode::Generation& first = one_token[0];
    const auto [whole, result] = timed(options.new_tokens + 1);
    print_line(decoder, {{"prompt_tokens", prompt.ids.size()},
                         {"prefill_seconds", prefill},
                         {"decode_seconds", whole - prefill},
                         {"new_tokens", options.new_tokens * options.samples},
                         {"rows", new_rows(result[0])},
                         {"first", first.candidates[0].logprob},
                         {"ids", result[0].candidates[0].ids}});
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Decoding speed, for run.py.");
  Options options;
  app.add_option("model", options.model)->required();
  app.add_option("prompts", options.prompts, R"(JSON lines {"ids": [...]})")->required();
  apps::add_choice(app, "--quant", options.quant, "how the backbone's matrices are held");
  app.add_option("--samples", options.samples);
  app.add_option("--new-tokens", options.new_tokens);
  app.add_option("--experts", options.experts, "of rank 16, mixed by a router; 0: the backbone alone");
  app.add_option("--top-k", options.top_k, "experts kept; 0: all");
  app.add_option("--temperature", options.temperature);
  app.add_flag("--reference", options.reference, "the fp32 path");
  app.add_flag("--roofline", options.roofline, "only print what memory allows at one sequence");
  CLI11_PARSE(app, argc, argv);
  return workflow::run_program([&] { run(options); });
}
