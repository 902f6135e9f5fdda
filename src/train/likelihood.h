/// The likelihood objective: cross-entropy of the gold answers.
#pragma once

#include "routedk/core/prefetcher.h"
#include "routedk/train/objective.h"

#include <vector>

#include "example_source.h"

namespace routedk::train {

/// The mean over the step's answer tokens. Batches can be prepared ahead: they do not depend on parameters.
class Likelihood : public Objective {
 public:
  Likelihood(const experts::RoutedModel& model, const TrainConfig& config, const ParameterGroup& group,
             const GroupExamples& examples, const parallel::World& world);

  std::int64_t steps() const override { return config_.likelihood_steps(source_.steps_per_epoch()); }
  bool validates_after(std::int64_t done) const override {
    return done % source_.steps_per_epoch() == 0 || done == steps();
  }
  std::int64_t examples_after(std::int64_t done) const override {
    return source_.examples_between(done, steps());
  }
  StepWork work(std::int64_t step) override;
  Validation validate(std::int64_t done) const override;
  io::Json fingerprint() const override { return io::Json::object(); }

 private:
  StepWork made(std::int64_t step);

  const experts::RoutedModel& model_;
  const TrainConfig& config_;
  const ParameterGroup& group_;
  const parallel::World& world_;
  std::vector<const Example*> validation_;  // this process's share
  ExampleSource source_;
  Prefetcher<StepWork> ahead_;  // last: its thread uses the other members
};

}  // namespace routedk::train
