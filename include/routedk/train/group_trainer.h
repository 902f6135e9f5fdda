/// The training of one parameter group, step by step.
#pragma once

#include "routedk/experts/gate.h"
#include "routedk/experts/routed_model.h"
#include "routedk/parallel/world.h"
#include "routedk/train/checkpoint.h"
#include "routedk/train/event.h"
#include "routedk/train/group.h"
#include "routedk/train/objective.h"
#include "routedk/train/packed_batch.h"
#include "routedk/train/schedule.h"
#include "routedk/train/train_config.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace routedk::train {

/// Called for a group at its validation.
using ValidationHook = std::function<Findings(const std::string& group)>;

/// The result of a pass for one of a group's batches; the gradient is in the group's buffer.
struct BatchFindings {
  double loss = 0.0;                           ///< this batch's share of the step's loss
  double token_loss = 0.0;                     ///< the same for the token loss
  const std::vector<experts::GateRows>& rows;  // [L]
};

/// The alphas of a step's micro-batches, layer by layer; only for gates that mix experts.
class RoutingOfStep {
 public:
  void add(const std::vector<experts::GateRows>& rows);
  /// Computed over the rows of all processes, with weights of `experts` experts.
  std::vector<experts::LayerRouting> layers(std::int64_t experts, const parallel::World& world) const;

 private:
  std::vector<std::vector<at::Tensor>> alphas_;  // [L][micro-batches]
};

class GroupTrainer {
 public:
  /// Makes the group's parameters trainable; the destructor freezes them again. Each process of the world
  /// computes its share of every step and applies the sum. DataError if there is no training example.
  /// Everything passed by reference or pointer must outlive the trainer.
  GroupTrainer(const experts::RoutedModel& model, const TrainConfig& config, ParameterGroup group,
               GroupExamples examples, parallel::World world = {});
  GroupTrainer(const GroupTrainer&) = delete;
  GroupTrainer& operator=(const GroupTrainer&) = delete;
  ~GroupTrainer();

  /// Begins a step: takes its batches and clears the gradient. The findings of passes over the batches are
  /// then added (joint_step.h), and finish() completes the step.
  void begin();
  /// The batches of the current step in this process.
  const std::vector<PackedBatch>& batches() const noexcept { return now_; }
  /// Of the current step, in all processes.
  std::int64_t answer_tokens() const noexcept { return step_.answer_tokens; }
  std::int64_t sequences() const noexcept { return sequences_; }
  void add(const BatchFindings& found);
  /// NumericError naming group, step and example keys if loss or gradient is not finite for more than
  /// `max_bad_steps` steps in a row; no parameter has changed then.
  GroupStep finish();
  /// Clips and applies the computed gradient unless it is not finite or there was nothing to learn; either
  /// way the step then counts as done.
  void apply(const GroupStep& step);
  /// Evaluates the objective on the validation examples, without dropout, and keeps the best values so far.
  /// With `ema`, the parameters hold the running mean meanwhile, also for `hook` (which may be empty). Empty
  /// without validation examples. NumericError if the loss is not finite.
  std::optional<Validation> validate(const ValidationHook& hook = {});

  bool done() const noexcept { return state_.progress.step == total_steps_ || out_of_patience(); }
  bool validation_due() const { return objective_->validates_after(state_.progress.step); }
  /// The number of validations before the last step is done.
  std::int64_t validations_left() const;
  bool resumable() const { return objective_->resumes_after(state_.progress.step); }
  std::int64_t examples_left() const { return objective_->examples_after(state_.progress.step); }
  const std::string& name() const noexcept { return group_.name; }
  const experts::Gate& gate() const noexcept { return *group_.gate; }
  const GatePenalty& penalty() const noexcept { return group_.penalty; }
  const GroupProgress& progress() const noexcept { return state_.progress; }
  /// For checkpoints: the tensors are not copies.
  const GroupState& state() const noexcept { return state_; }
  /// Continues from a checkpoint's state of the same size.
  void restore(const GroupState& state);
  /// Loads the best values into the parameters, or else the running mean, if there is one.
  void take_best();
  /// Sizes and hashes that must match a checkpoint's.
  io::Json fingerprint() const;

 private:
  bool out_of_patience() const noexcept {
    return config_.patience > 0 && state_.progress.stale_validations >= config_.patience;
  }
  std::vector<std::uint64_t> keys_of_all(const std::vector<std::uint64_t>& own) const;
  void check_finite(GroupStep& step) const;
  void keep_if_best(double loss);

  const TrainConfig& config_;
  std::int64_t experts_;
  parallel::World world_;
  ParameterGroup group_;
  GroupExamples examples_;
  std::unique_ptr<Objective> objective_;
  std::int64_t total_steps_;
  Schedule schedule_;
  GroupState state_;
  std::vector<PackedBatch> now_;
  GroupStep step_;
  std::int64_t sequences_ = 0;
  RoutingOfStep routing_;
};

}  // namespace routedk::train
