/// Ten steps of one expert as tests/goldens/make_training.py and make_tiny_training.py take them with PEFT.
#pragma once

#include "routedk/train/joint_step.h"

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/goldens.h"
#include "train/tiny_model.h"
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace routedk::testing {

/// "0.q_proj.grad_B" [out,4] of step 0, "0.q_proj.grad_A" [4,in] of step 1 and so on.
using Gradients = std::map<std::string, at::Tensor>;

/// What the goldens hold of a run, under their names.
struct TenSteps {
  at::Tensor losses;      // [10] F32
  at::Tensor grad_norms;  // [10] F32
  Gradients gradients;
};

/// An expert of rank 4 with A[i,j] = size * sin(0.37 i + frequency * j + layer), B = 0.
inline std::shared_ptr<experts::Expert> sine_expert(const model::LlamaConfig& model, double alpha,
                                                    double size, double frequency) {
  experts::LoraOptions lora;
  lora.rank = 4;
  lora.alpha = alpha;
  auto expert = std::make_shared<experts::Expert>("golden", model, lora);
  expert->for_each([&](std::int64_t layer, model::Linear, const experts::LoraFactors& f) {
    const at::Tensor i = at::arange(f.a.size(0), at::kDouble).unsqueeze(1);
    const at::Tensor j = at::arange(f.a.size(1), at::kDouble).unsqueeze(0);
    f.a.copy_(size * at::sin(0.37 * i + frequency * j + layer));
  });
  return expert;
}

inline void keep_gradients(const experts::Expert& expert, char factor, Gradients& kept) {
  expert.for_each([&](std::int64_t layer, model::Linear linear, const experts::LoraFactors& f) {
    const std::string module = model::linear_module(linear);  // "self_attn.q_proj"
    const std::string name = fmt::format("{}.{}.grad_{}", layer, module.substr(module.find('.') + 1), factor);
    kept[name] = (factor == 'B' ? f.bt.grad().t() : f.a.grad()).clone();
  });
}

/// Constant rate, no dropout, both examples in each step.
inline train::TrainConfig ten_steps_config(double learning_rate) {
  train::TrainConfig config;
  config.epochs = 10;
  config.batch_size = 2;
  config.warmup = 0.0;
  config.schedule = train::ScheduleKind::kConstant;
  config.learning_rate = learning_rate;
  config.dropout = 0.0;
  return config;
}

inline TenSteps ten_steps(const std::shared_ptr<const model::Backbone>& backbone,
                          const std::shared_ptr<experts::Expert>& expert, double learning_rate,
                          const std::vector<train::Example>& examples) {
  const train::TrainConfig config = ten_steps_config(learning_rate);
  const experts::RoutedModel model(backbone, std::make_shared<experts::ExpertBank>(std::vector{expert}));
  train::GroupTrainer trainer(
      model, config, {"golden", &expert->parameters(), std::make_shared<experts::SingleExpertGate>(0, 1)},
      {pointers(examples), {}});
  TenSteps steps{at::empty({10}), at::empty({10}), {}};
  for (int step = 0; step < 10; ++step) {
    const train::GroupStep computed = train::compute_steps(model, config, {&trainer})[0];
    steps.losses[step] = computed.loss;
    steps.grad_norms[step] = computed.grad_norm;
    if (step < 2) {
      keep_gradients(*expert, step == 0 ? 'B' : 'A', steps.gradients);
    }
    trainer.apply(computed);
  }
  EXPECT_TRUE(trainer.done());
  return steps;
}

/// The second step's gradients of A where the first step was that of these gradients of B: Adam's first is
/// the rate along the gradient's sign, so that a run of its own would be elsewhere wherever rounding turns a
/// sign.
inline Gradients second_gradients(const std::shared_ptr<const model::Backbone>& backbone,
                                  const std::shared_ptr<experts::Expert>& expert, double learning_rate,
                                  const std::vector<train::Example>& examples, const Gradients& first) {
  expert->for_each([&](std::int64_t layer, model::Linear linear, const experts::LoraFactors& f) {
    const std::string module = model::linear_module(linear);
    const at::Tensor& gradient =
        first.at(fmt::format("{}.{}.grad_B", layer, module.substr(module.find('.') + 1)));
    f.bt.copy_(gradient.t().sign() * -learning_rate);
  });
  const train::TrainConfig config = ten_steps_config(learning_rate);
  const experts::RoutedModel model(backbone, std::make_shared<experts::ExpertBank>(std::vector{expert}));
  train::GroupTrainer trainer(
      model, config, {"golden", &expert->parameters(), std::make_shared<experts::SingleExpertGate>(0, 1)},
      {pointers(examples), {}});
  train::compute_steps(model, config, {&trainer});
  Gradients found;
  keep_gradients(*expert, 'A', found);
  return found;
}

/// The gradients of a golden, as TenSteps holds them.
inline Gradients gradients_in(const Golden& golden) {
  Gradients found;
  for (const auto& [name, view] : golden.file().tensors()) {
    if (name.ends_with(".grad_A") || name.ends_with(".grad_B")) {
      found[name] = golden[name];
    }
  }
  return found;
}

/// |found - wanted| / |wanted| over all wanted gradients of factor 'A' or 'B'.
inline double gradient_error(const Gradients& found, const Gradients& wanted, char factor) {
  double difference = 0.0;
  double size = 0.0;
  for (const auto& [name, gradient] : wanted) {
    if (name.back() == factor) {
      difference += (found.at(name) - gradient).square().sum().item<double>();
      size += gradient.square().sum().item<double>();
    }
  }
  return std::sqrt(difference / size);
}

}  // namespace routedk::testing
