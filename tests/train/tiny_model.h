/// A model that runs in milliseconds, three experts on it, and examples for them.
#pragma once

#include "routedk/core/progress.h"
#include "routedk/core/random.h"
#include "routedk/experts/routed_model.h"
#include "routedk/train/trainer.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::testing {

struct TinyShape {
  std::int64_t hidden = 32;
  std::int64_t vocab = 64;
  bool nf4 = true;
  kernels::Precision precision = kernels::Precision::kFloat32;
};

inline model::LlamaConfig tiny_config(const TinyShape& shape) {
  model::LlamaConfig config;
  config.layers = 2;
  config.hidden = shape.hidden;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = shape.hidden / 4;
  config.ffn = 2 * shape.hidden;
  config.vocab = shape.vocab;
  config.context = 128;
  config.tied_head = true;
  return config;
}

inline constexpr int kTinyExperts = 3;

/// The same numbers every time it is made.
inline experts::RoutedModel tiny_model(const TinyShape& shape = {}) {
  const model::LlamaConfig config = tiny_config(shape);
  std::vector<std::shared_ptr<experts::Expert>> experts;
  for (int i = 0; i < kTinyExperts; ++i) {
    experts::LoraOptions lora;
    lora.rank = 4;
    lora.alpha = 8;
    experts.push_back(std::make_shared<experts::Expert>("expert" + std::to_string(i), config, lora));
    experts.back()->initialise(7);
  }
  model::LoadOptions options;
  options.quant = shape.nf4 ? model::Quant::kNf4 : model::Quant::kNone;
  options.precision = shape.precision;
  return {std::make_shared<model::Backbone>(model::Backbone::random(config, options, 3)),
          std::make_shared<experts::ExpertBank>(std::move(experts))};
}

/// Large random factors, so that experts differ and gradients are well above rounding.
inline void randomise(experts::FlatParameters& parameters, std::uint64_t seed, double scale) {
  Random random(seed, "test");
  auto* values = parameters.values().data_ptr<float>();
  for (std::int64_t i = 0; i < parameters.size(); ++i) {
    values[i] = static_cast<float>((2.0 * random.uniform() - 1.0) * scale);
  }
}

/// Random ids; 3 to 14 prompt and 1 to 6 answer tokens.
inline train::Example random_example(std::uint64_t key, int group, std::uint64_t vocab = 64) {
  Random random(11, "example", {key, static_cast<std::uint64_t>(group)});
  const auto ids = [&](std::size_t count) {
    std::vector<std::int32_t> drawn(count);
    for (std::int32_t& id : drawn) {
      id = static_cast<std::int32_t>(random.below(vocab));
    }
    return drawn;
  };
  train::Example example;
  example.prompt = ids(3 + random.below(12));
  example.answer = ids(1 + random.below(6));
  example.group = group;
  example.key = key;
  return example;
}

inline std::vector<train::Example> random_examples(std::size_t count, int group,
                                                   std::uint64_t first_key = 0) {
  std::vector<train::Example> examples;
  for (std::size_t i = 0; i < count; ++i) {
    examples.push_back(random_example(first_key + i, group));
  }
  return examples;
}

inline std::vector<const train::Example*> pointers(const std::vector<train::Example>& examples) {
  std::vector<const train::Example*> all;
  for (const train::Example& example : examples) {
    all.push_back(&example);
  }
  return all;
}

/// Expert i of the bank under the gate that gives it every sequence.
inline train::ParameterGroup expert_group(experts::RoutedModel& model, int i) {
  experts::Expert& expert = model.bank()[i];
  return {expert.name(), &expert.parameters(),
          std::make_shared<experts::SingleExpertGate>(i, model.bank().size())};
}

inline ProgressOutput silent_progress() {
  const auto ignore = [](const std::string&) {};
  return {false, [] { return 0.0; }, ignore, ignore};
}

/// A job without data and validation, whose events nobody hears.
inline train::TrainingJob job_for(const experts::RoutedModel& model,
                                  std::vector<train::ParameterGroup> groups,
                                  const std::filesystem::path& checkpoints) {
  return {model, {}, std::move(groups), {}, {}, checkpoints, [](const train::Event&) {}, silent_progress()};
}

}  // namespace routedk::testing
