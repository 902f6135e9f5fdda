/// How parameters are trained: data order, optimiser, schedule, checkpoints.
#pragma once

#include "routedk/core/config_rules.h"
#include "routedk/train/schedule.h"
#include "routedk/train/utility_config.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace routedk::train {

/// The peak learning rate of one group.
struct GroupRate {
  std::string group;
  double learning_rate = 5e-4;

  template <typename F>
  void fields(F& f) {
    f("group", group, "an expert's name");
    f("learning_rate", learning_rate, "its peak learning rate", between(1e-12, 100));
  }
};

struct TrainConfig {
  ObjectiveKind objective = ObjectiveKind::kLikelihood;
  ExpectedUtilityConfig expected_utility;
  std::int64_t epochs = 3;
  std::int64_t max_steps = 0;
  std::int64_t batch_size = 16;
  std::int64_t max_tokens = 2048;
  double learning_rate = 5e-4;
  std::vector<GroupRate> learning_rates;
  double warmup = 0.03;
  ScheduleKind schedule = ScheduleKind::kCosine;
  double weight_decay = 0.0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double max_grad_norm = 1.0;
  double dropout = 0.05;
  bool recompute = false;
  bool prepare_ahead = true;
  double label_smoothing = 0.0;
  double ema = 0.0;
  std::int64_t patience = 0;
  std::int64_t max_bad_steps = 5;
  std::int64_t checkpoint_every = 5;
  std::int64_t keep_checkpoints = 2;
  bool resume_elsewhere = false;
  std::uint64_t seed = 1;

  template <typename F>
  void fields(F& f) {
    f("objective", objective,
      "likelihood of gold answers; expected_utility: then also the utility of answers drawn from the model "
      "(docs/training.md)");
    f("expected_utility", expected_utility, "steps under objective: expected_utility");
    f("epochs", epochs, "passes over a group's training examples", between(1, 10000));
    f("max_steps", max_steps,
      "end after this many optimiser steps by likelihood, however many the epochs have; 0: never",
      between(0, 1000000000));
    f("batch_size", batch_size, "examples of each group in one optimiser step", between(1, 1000000));
    f("max_tokens", max_tokens, "tokens of one packed micro-batch (a longer example runs alone)",
      at_least(1));
    f("learning_rate", learning_rate, "peak learning rate of the schedule", between(1e-12, 100));
    f("learning_rates", learning_rates, "experts with a learning rate of their own");
    f("warmup", warmup, "share of the steps used for warm-up", between(0, 1));
    f("schedule", schedule, "the learning rate after warm-up");
    f("weight_decay", weight_decay, "AdamW: decoupled weight decay", between(0, 100));
    f("beta1", beta1, "AdamW: decay of the first moment", between(0, 0.999999));
    f("beta2", beta2, "AdamW: decay of the second moment", between(0, 0.999999));
    f("epsilon", epsilon, "AdamW: added to the root of the second moment", positive());
    f("max_grad_norm", max_grad_norm, "a group's gradient is clipped to this norm", positive());
    f("dropout", dropout, "dropout of a LoRA's inputs in steps of likelihood", between(0, 0.99));
    f("recompute", recompute,
      "keep only each layer's input and run the layer again in backward: less memory");
    f("prepare_ahead", prepare_ahead, "make the next step's batches in a separate thread");
    f("label_smoothing", label_smoothing,
      "share of each target spread over the vocabulary, in steps of likelihood", between(0, 0.99));
    f("ema", ema, "validate and keep an exponential moving average of the values with this decay; 0: none",
      between(0, 0.999999));
    f("patience", patience, "stop a group after this many validations without a better loss; 0: never",
      at_least(0));
    f("max_bad_steps", max_bad_steps,
      "end after more than this many steps in a row with a loss or gradient that is not finite", at_least(0));
    f("checkpoint_every", checkpoint_every, "steps between checkpoints", at_least(1));
    f("keep_checkpoints", keep_checkpoints, "number of newest checkpoints to keep", at_least(1));
    f("resume_elsewhere", resume_elsewhere,
      "continue from a checkpoint of other instructions, threads, GPU model or LibTorch (not bit for bit)");
    f("seed", seed, "seed of data order and dropout");
  }

  /// Resets to defaults the settings that change no number of a result: how a step is computed, when
  /// checkpoints are made and how a run continues.
  void reset_habits() {
    const TrainConfig defaults;
    recompute = defaults.recompute;
    prepare_ahead = defaults.prepare_ahead;
    max_bad_steps = defaults.max_bad_steps;
    checkpoint_every = defaults.checkpoint_every;
    keep_checkpoints = defaults.keep_checkpoints;
    resume_elsewhere = defaults.resume_elsewhere;
  }

  /// The settings of the steps by likelihood, which come first with any objective.
  TrainConfig likelihood_phase() const {
    TrainConfig phase = *this;
    phase.objective = ObjectiveKind::kLikelihood;
    phase.expected_utility = {};
    return phase;
  }

  /// The settings of the steps by expected utility. Without dropout, since answers are sampled without it.
  TrainConfig utility_phase() const {
    TrainConfig phase = *this;
    phase.objective = ObjectiveKind::kExpectedUtility;
    phase.batch_size = expected_utility.batch_size;
    phase.learning_rate = expected_utility.learning_rate;
    phase.learning_rates.clear();
    phase.warmup = expected_utility.warmup;
    phase.schedule = expected_utility.schedule;
    phase.dropout = 0.0;
    phase.label_smoothing = 0.0;
    return phase;
  }

  /// Optimiser steps by likelihood, if an epoch has `steps_per_epoch`.
  std::int64_t likelihood_steps(std::int64_t steps_per_epoch) const {
    const std::int64_t all = epochs * steps_per_epoch;
    return max_steps > 0 ? std::min(max_steps, all) : all;
  }

  /// The peak learning rate of a group.
  double rate_of(const std::string& group) const {
    const auto own = std::find_if(learning_rates.begin(), learning_rates.end(),
                                  [&](const GroupRate& rate) { return rate.group == group; });
    return own == learning_rates.end() ? learning_rate : own->learning_rate;
  }
};

}  // namespace routedk::train
