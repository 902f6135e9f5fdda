/// The objectives of training, and the settings of training by expected utility.
#pragma once

#include "routedk/core/config_rules.h"
#include "routedk/core/named_enum.h"
#include "routedk/train/schedule.h"

#include <cstdint>

namespace routedk::train {

enum class ObjectiveKind : std::uint8_t {
  kLikelihood,       ///< cross-entropy of the gold answer
  kExpectedUtility,  ///< then minus the expected utility of sampled answers
};
constexpr auto enum_names(ObjectiveKind /*of*/) {
  return std::to_array<EnumName<ObjectiveKind>>(
      {{ObjectiveKind::kLikelihood, "likelihood"}, {ObjectiveKind::kExpectedUtility, "expected_utility"}});
}

/// The utility of an answer compared with the example's own answer. The sampler computes it; training sees
/// only numbers.
enum class TrainUtility : std::uint8_t {
  kF1,         ///< of bundles, as bundle::Utility
  kJaccardF1,  ///< likewise
  kMean,       ///< likewise
  kExact,      ///< 1 for an answer that the example lists, 0 for any other
  kRougeL,     ///< with the most similar answer that the example lists (text/rouge.h)
};
constexpr auto enum_names(TrainUtility /*of*/) {
  return std::to_array<EnumName<TrainUtility>>({{TrainUtility::kF1, "f1"},
                                                {TrainUtility::kJaccardF1, "jaccard_f1"},
                                                {TrainUtility::kMean, "mean"},
                                                {TrainUtility::kExact, "exact"},
                                                {TrainUtility::kRougeL, "rouge_l"}});
}

/// The `expected_utility:` section of a training.
struct ExpectedUtilityConfig {
  TrainUtility utility = TrainUtility::kMean;
  std::int64_t samples = 16;
  std::int64_t steps = 20;
  std::int64_t batch_size = 24;
  std::int64_t iterations = 1;
  double clip = 0.2;
  double learning_rate = 2e-4;
  double warmup = 0.0;
  ScheduleKind schedule = ScheduleKind::kConstant;
  double kl_weight = 0.0;
  double max_kl = 50.0;
  double likelihood_weight = 0.0;
  std::int64_t max_new_tokens = 256;
  std::int64_t validate_every = 5;

  template <typename F>
  void fields(F& f) {
    f("utility", utility,
      "of bundles: f1, jaccard_f1 or mean, the mean of both; of data.examples: exact or rouge_l");
    f("samples", samples, "G: answers drawn for each prompt at temperature 1", between(2, 1024));
    f("steps", steps, "optimiser steps", between(1, 1000000));
    f("batch_size", batch_size, "prompts of each group in one optimiser step", between(1, 1000000));
    f("iterations", iterations, "optimiser steps on each draw of answers", between(1, 1000));
    f("clip", clip,
      "with iterations: an answer whose probability has already moved by more than this share in the "
      "direction of its gradient adds nothing",
      between(0.001, 1));
    f("learning_rate", learning_rate, "peak learning rate of the schedule", between(1e-12, 100));
    f("warmup", warmup, "share of the steps used for warm-up", between(0, 1));
    f("schedule", schedule, "the learning rate after warm-up");
    f("kl_weight", kl_weight, "utility lost per nat by which an answer is likelier than at the start",
      at_least(0));
    f("max_kl", max_kl, "end the run where kl_weight is set and the mean KL to the start, nats, exceeds this",
      positive());
    f("likelihood_weight", likelihood_weight, "weight of the gold answer's mean cross entropy in the loss",
      between(0, 100));
    f("max_new_tokens", max_new_tokens,
      "tokens of the longest answer; the model's context may end it earlier", at_least(1));
    f("validate_every", validate_every, "steps between validations; the values of the best one are kept",
      at_least(1));
  }
};

}  // namespace routedk::train
