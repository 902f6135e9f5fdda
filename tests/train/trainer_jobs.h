/// Small jobs of the trainer's tests, on the tiny model.
#pragma once

#include "routedk/train/answer_loss.h"
#include "routedk/train/trainer.h"

#include <utility>
#include <variant>
#include <vector>

#include "core/temporary_folder.h"
#include "train/tiny_model.h"

namespace routedk::train {

inline TrainConfig small_config() {
  TrainConfig config;
  config.epochs = 4;
  config.batch_size = 2;
  config.max_tokens = 40;
  config.learning_rate = 2e-2;
  config.dropout = 0.1;
  config.checkpoint_every = 3;
  return config;
}

/// Ten examples for expert 0 (20 steps), four for expert 1 (8 steps), seven for expert 2 (16 steps).
inline std::vector<Example> three_groups(std::uint64_t first_key = 0) {
  std::vector<Example> all = testing::random_examples(10, 0, first_key);
  for (const auto& [count, group] : {std::pair(4, 1), {7, 2}}) {
    const auto more = testing::random_examples(static_cast<std::size_t>(count), group, first_key);
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

inline TrainingJob three_expert_job(experts::RoutedModel& model, const testing::TemporaryFolder& folder) {
  TrainingJob job = testing::job_for(
      model,
      {testing::expert_group(model, 0), testing::expert_group(model, 1), testing::expert_group(model, 2)},
      folder.path());
  job.config = small_config();
  job.training = three_groups();
  job.validation = three_groups(100);
  return job;
}

/// Hears the events of one kind alone.
template <typename Kind, typename Hear>
EventSink on(Hear hear) {
  return [hear](const Event& event) mutable {
    if (const auto* const one = std::get_if<Kind>(&event)) {
      hear(*one);
    }
  };
}

inline at::Tensor values(const experts::RoutedModel& model, int expert) {
  return model.bank()[expert].parameters().values();
}

/// Mean answer-token loss of an expert over its group's examples.
inline double mean_loss(const experts::RoutedModel& model, int expert, const std::vector<Example>& examples) {
  const at::NoGradGuard no_grad;
  std::vector<const Example*> own;
  for (const Example& example : examples) {
    if (example.group == expert) {
      own.push_back(&example);
    }
  }
  const PackedBatch batch = pack(own);
  return answer_loss_sum(model, experts::SingleExpertGate(expert, 3), batch).item<double>() /
         static_cast<double>(batch.answer_tokens());
}

}  // namespace routedk::train
