/// The objective of a group's training: which batches a step takes, how much each of their tokens counts, and
/// when and how it is validated.
#pragma once

#include "routedk/experts/routed_model.h"
#include "routedk/io/jsonl.h"
#include "routedk/parallel/world.h"
#include "routedk/train/event.h"
#include "routedk/train/group.h"
#include "routedk/train/packed_batch.h"
#include "routedk/train/train_config.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace routedk::train {

/// The work of a step in this process. The loss is the sum, over the answer tokens of all processes' batches,
/// of weight times cross-entropy.
struct StepWork {
  std::vector<PackedBatch> batches;  ///< with their weights; if no process has any, there is nothing to learn
  std::int64_t examples = 0;         ///< taken by the step in all processes together
  std::optional<SampleFigures> samples = {};  ///< if answers were sampled
};

class Objective {
 public:
  Objective() = default;
  Objective(const Objective&) = delete;
  Objective& operator=(const Objective&) = delete;
  virtual ~Objective() = default;

  /// Optimiser steps of the whole training.
  virtual std::int64_t steps() const = 0;
  /// Whether a validation follows once `done` steps are done.
  virtual bool validates_after(std::int64_t done) const = 0;
  /// Number of examples in the remaining steps.
  virtual std::int64_t examples_after(std::int64_t done) const = 0;
  /// Whether a training that ends after `done` steps can resume there from the values alone.
  virtual bool resumes_after(std::int64_t /*done*/) const { return true; }
  /// Called once for each step, in order, starting at the resumed one; the parameters hold the step's values.
  virtual StepWork work(std::int64_t step) = 0;
  /// With the current values of the parameters, after `done` steps. NumericError if the loss is not finite.
  virtual Validation validate(std::int64_t done) const = 0;
  /// What must match a checkpoint besides settings and examples.
  virtual io::Json fingerprint() const = 0;
};

/// Makes the objective of the settings; each process computes its share of every step's and validation's
/// examples. Model, config and group must outlive it. DataError if there is no training example.
std::unique_ptr<Objective> make_objective(const experts::RoutedModel& model, const TrainConfig& config,
                                          const ParameterGroup& group, const GroupExamples& examples,
                                          const parallel::World& world);

}  // namespace routedk::train
