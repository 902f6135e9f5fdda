/// The examples of a step, as they appear in its epoch.
#pragma once

#include "routedk/train/data_order.h"
#include "routedk/train/group.h"
#include "routedk/train/train_config.h"

#include <list>
#include <string>
#include <vector>

namespace routedk::train {

/// Not copyable: pointers refer to its members.
struct TakenExamples {
  std::list<Example> augmented;
  std::vector<const Example*> examples;
};

class ExampleSource {
 public:
  /// DataError if there is no training example.
  ExampleSource(const TrainConfig& config, const std::string& group, const GroupExamples& examples);

  /// Of a step, counted from 0 over all epochs.
  TakenExamples take(std::int64_t step);
  std::int64_t steps_per_epoch() const noexcept { return order_.steps_per_epoch(); }
  /// Number of examples that the steps in [first, last) take.
  std::int64_t examples_between(std::int64_t first, std::int64_t last) const;

 private:
  std::vector<const Example*> training_;
  AugmentFn augment_;
  DataOrder order_;
  std::int64_t batch_size_;
};

}  // namespace routedk::train
