/// What a group's training descends: which batches a step takes, how much each of their tokens counts, when
/// and by what it is validated.
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

/// What a step computes in this process. Its loss is the sum over the batches' answer tokens, of all
/// processes, of weight times cross entropy.
struct StepWork {
  std::vector<PackedBatch> batches;  ///< with their weights; in no process any: there is nothing to learn
  std::int64_t examples = 0;         ///< that the step took, in all processes together
  std::optional<SampleFigures> samples = {};  ///< where answers were drawn
};

class Objective {
 public:
  Objective() = default;
  Objective(const Objective&) = delete;
  Objective& operator=(const Objective&) = delete;
  virtual ~Objective() = default;

  /// Optimiser steps of a whole training.
  virtual std::int64_t steps() const = 0;
  /// Whether a validation follows when so many steps are done.
  virtual bool validates_after(std::int64_t done) const = 0;
  /// Examples that the steps still to be done take.
  virtual std::int64_t examples_after(std::int64_t done) const = 0;
  /// Whether a training that ends when so many steps are done can continue there, from the values alone.
  virtual bool resumes_after(std::int64_t /*done*/) const { return true; }
  /// Called for each step once, in order, from any that resumes; the parameters hold the step's values.
  virtual StepWork work(std::int64_t step) = 0;
  /// By the values that stand in the parameters; `done` steps are. NumericError when the loss is not finite.
  virtual Validation validate(std::int64_t done) const = 0;
  /// What a checkpoint must agree with beside settings and examples.
  virtual io::Json fingerprint() const = 0;
};

/// That of the settings; of each step's and validation's examples every process computes its share. Model,
/// config and group must outlive it. DataError when there is no training example.
std::unique_ptr<Objective> make_objective(const experts::RoutedModel& model, const TrainConfig& config,
                                          const ParameterGroup& group, const GroupExamples& examples,
                                          const parallel::World& world);

}  // namespace routedk::train
