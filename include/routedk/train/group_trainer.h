/// The training of one parameter group, step by step.
#pragma once

#include "routedk/experts/flat_parameters.h"
#include "routedk/experts/gate.h"
#include "routedk/experts/routed_model.h"
#include "routedk/train/adamw.h"
#include "routedk/train/checkpoint.h"
#include "routedk/train/data_order.h"
#include "routedk/train/example.h"
#include "routedk/train/packed_batch.h"
#include "routedk/train/schedule.h"
#include "routedk/train/train_config.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace routedk::train {

/// What is trained and the gate that its examples run under: an expert under the gate that gives it every
/// sequence, a router under itself.
struct ParameterGroup {
  std::string name;
  experts::FlatParameters* parameters;
  std::shared_ptr<const experts::Gate> gate;
};

/// A group's share of the data.
struct GroupExamples {
  std::vector<const Example*> training;
  std::vector<const Example*> validation;
};

/// One optimiser step before it is applied: its gradient lies in the group's buffer.
struct GroupStep {
  double loss = 0.0;       ///< mean over the step's answer tokens, nats
  double grad_norm = 0.0;  ///< before clipping
  double learning_rate = 0.0;
  std::int64_t examples = 0;
  std::int64_t tokens = 0;
  std::int64_t answer_tokens = 0;
  double seconds = 0.0;
};

class GroupTrainer {
 public:
  /// Makes the group's parameters trainable; the destructor freezes them again. DataError when there is no
  /// training example. Everything passed by reference or pointer must outlive the trainer.
  GroupTrainer(const experts::RoutedModel& model, const TrainConfig& config, ParameterGroup group,
               GroupExamples examples);
  GroupTrainer(const GroupTrainer&) = delete;
  GroupTrainer& operator=(const GroupTrainer&) = delete;
  ~GroupTrainer();

  /// Loss and gradient of the next step. NumericError names group, step and example keys when either is not
  /// finite; no parameter has changed then.
  GroupStep compute();
  /// Clips and applies the computed gradient; afterwards a step is done.
  void apply(const GroupStep& step);
  /// Mean answer-token loss over the validation examples without dropout; the best values so far are kept.
  /// Nothing without validation examples. NumericError as above.
  std::optional<double> validate();

  bool done() const noexcept { return state_.progress.step == total_steps_; }
  bool at_epoch_end() const noexcept { return state_.progress.step % order_.steps_per_epoch() == 0; }
  std::int64_t examples_left() const;
  const std::string& name() const noexcept { return group_.name; }
  const GroupProgress& progress() const noexcept { return state_.progress; }
  /// For checkpoints: the tensors are the live ones.
  const GroupState& state() const noexcept { return state_; }
  /// Continues from a checkpoint's state of the same size.
  void restore(const GroupState& state);
  /// Puts the best values, where there are any, into the parameters.
  void take_best();
  /// Sizes and hashes that a checkpoint must agree with.
  io::Json fingerprint() const;

 private:
  double backward(const PackedBatch& batch, std::int64_t answer_tokens);
  void require_finite(double value, const char* what, const std::vector<std::uint64_t>& keys) const;

  const experts::RoutedModel& model_;
  const TrainConfig& config_;
  ParameterGroup group_;
  GroupExamples examples_;
  DataOrder order_;
  std::int64_t total_steps_;
  Schedule schedule_;
  GroupState state_;
};

}  // namespace routedk::train
