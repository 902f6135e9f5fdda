#include "example_source.h"

#include "routedk/core/error.h"

#include <utility>

namespace routedk::train {
namespace {

std::int64_t count_training(const std::string& group, const GroupExamples& examples) {
  if (examples.training.empty()) {
    throw_<DataError>("parameter group `{}` must have at least 1 training example, but has 0 instead.",
                      group);
  }
  return static_cast<std::int64_t>(examples.training.size());
}

}  // namespace

ExampleSource::ExampleSource(const TrainConfig& config, const std::string& group,
                             const GroupExamples& examples)
    : training_(examples.training),
      augment_(examples.augment),
      order_(count_training(group, examples), config.batch_size, config.seed, group),
      batch_size_(config.batch_size) {}

TakenExamples ExampleSource::take(std::int64_t step) {
  const std::int64_t epoch = step / order_.steps_per_epoch();
  TakenExamples taken;
  for (const std::size_t i : order_.batch(step)) {
    const Example* const example = training_[i];
    taken.examples.push_back(augment_ ? &taken.augmented.emplace_back(augment_(*example, epoch)) : example);
  }
  return taken;
}

std::int64_t ExampleSource::examples_between(std::int64_t first, std::int64_t last) const {
  const auto before = [&](std::int64_t step) {
    return step / steps_per_epoch() * static_cast<std::int64_t>(training_.size()) +
           step % steps_per_epoch() * batch_size_;
  };
  return before(last) - before(first);
}

}  // namespace routedk::train
