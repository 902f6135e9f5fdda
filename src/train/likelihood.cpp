#include "likelihood.h"

#include "routedk/core/error.h"
#include "routedk/train/answer_loss.h"

#include <cmath>

#include <fmt/ranges.h>

namespace routedk::train {

Likelihood::Likelihood(const experts::RoutedModel& model, const TrainConfig& config,
                       const ParameterGroup& group, const GroupExamples& examples,
                       const parallel::World& world)
    : model_(model),
      config_(config),
      group_(group),
      world_(world),
      validation_(parallel::share_of(examples.validation, world)),
      source_(config, group.name, examples),
      ahead_([this](std::int64_t step) { return made(step); }) {}

StepWork Likelihood::work(std::int64_t step) {
  const bool more = config_.prepare_ahead && step + 1 < steps();
  return ahead_.take(step, more ? step + 1 : -1);
}

StepWork Likelihood::made(std::int64_t step) {
  const TakenExamples taken = source_.take(step);
  StepWork work{
      pack_all(parallel::share_of(taken.examples, world_), config_.max_tokens, model_.backbone().device()),
      static_cast<std::int64_t>(taken.examples.size())};
  std::size_t answer_tokens = 0;  // in all processes
  for (const Example* example : taken.examples) {
    answer_tokens += example->answer.size();
  }
  for (PackedBatch& batch : work.batches) {
    batch.weights = at::full({batch.answer_tokens()}, 1.0 / static_cast<double>(answer_tokens),
                             batch.targets.options().dtype(at::kFloat));
  }
  return work;
}

Validation Likelihood::validate(std::int64_t done) const {
  double sum = 0.0;
  std::int64_t answer_tokens = 0;
  for (const PackedBatch& batch : pack_all(validation_, config_.max_tokens, model_.backbone().device())) {
    sum += answer_loss_sum(model_, *group_.gate, batch).item<double>();
    answer_tokens += batch.answer_tokens();
    if (!std::isfinite(sum)) {
      throw_<NumericError>(
          "the validation loss of parameter group `{}` must be finite, but is {} after step {} (examples "
          "{})",
          group_.name, sum, done, fmt::join(batch.keys, ", "));
    }
  }
  return {world_.sum(sum) / static_cast<double>(world_.sum(answer_tokens))};
}

}  // namespace routedk::train
