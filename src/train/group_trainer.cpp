#include "routedk/train/group_trainer.h"

#include "routedk/core/error.h"
#include "routedk/train/answer_loss.h"
#include "routedk/train/fingerprint.h"

#include <chrono>
#include <cmath>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

namespace routedk::train {
namespace {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

std::int64_t sum_answer_tokens(const std::vector<PackedBatch>& batches) {
  std::int64_t tokens = 0;
  for (const PackedBatch& batch : batches) {
    tokens += batch.answer_tokens();
  }
  return tokens;
}

std::vector<std::uint64_t> keys_of(const std::vector<PackedBatch>& batches) {
  std::vector<std::uint64_t> keys;
  for (const PackedBatch& batch : batches) {
    keys.insert(keys.end(), batch.keys.begin(), batch.keys.end());
  }
  return keys;
}

std::int64_t count_training(const ParameterGroup& group, const GroupExamples& examples) {
  if (examples.training.empty()) {
    throw_<DataError>("parameter group `{}` must have at least 1 training example, but has 0 instead.",
                      group.name);
  }
  return static_cast<std::int64_t>(examples.training.size());
}

}  // namespace

GroupTrainer::GroupTrainer(const experts::RoutedModel& model, const TrainConfig& config, ParameterGroup group,
                           GroupExamples examples)
    : model_(model),
      config_(config),
      group_(std::move(group)),
      examples_(std::move(examples)),
      order_(count_training(group_, examples_), config.batch_size, config.seed, group_.name),
      total_steps_(config.epochs * order_.steps_per_epoch()),
      schedule_(config.schedule, config.warmup, total_steps_) {
  group_.parameters->set_trainable(true);
  state_.values = group_.parameters->values();
  state_.moments = AdamWMoments::zeros(group_.parameters->size());
}

GroupTrainer::~GroupTrainer() {
  group_.parameters->set_trainable(false);
}

GroupStep GroupTrainer::compute() {
  const Stopwatch watch;
  std::vector<const Example*> taken;
  for (const std::size_t i : order_.batch(state_.progress.step)) {
    taken.push_back(examples_.training[i]);
  }
  const std::vector<PackedBatch> batches = pack_all(taken, config_.max_tokens);
  GroupStep step;
  step.answer_tokens = sum_answer_tokens(batches);
  group_.parameters->grads().zero_();
  for (const PackedBatch& batch : batches) {
    step.loss += backward(batch, step.answer_tokens);
    step.tokens += batch.batch.tokens();
  }
  step.examples = static_cast<std::int64_t>(taken.size());
  step.grad_norm = gradient_norm(group_.parameters->grads());
  require_finite(step.grad_norm, "gradient norm", keys_of(batches));
  step.learning_rate = config_.learning_rate * schedule_.factor(state_.progress.step);
  step.seconds = watch.seconds();
  return step;
}

/// The micro-batch's share of the step's loss.
double GroupTrainer::backward(const PackedBatch& batch, std::int64_t answer_tokens) {
  const experts::TrainingDropout dropout{config_.dropout, config_.seed,
                                         static_cast<std::uint64_t>(state_.progress.step), batch.keys};
  const at::Tensor loss = answer_loss_sum(model_, *group_.gate, batch, &dropout, config_.recompute) /
                          static_cast<double>(answer_tokens);
  const auto value = loss.item<double>();
  require_finite(value, "loss", batch.keys);
  loss.backward();
  return value;
}

void GroupTrainer::apply(const GroupStep& step) {
  const Stopwatch watch;
  GroupProgress& progress = state_.progress;
  const AdamWConfig adamw{config_.beta1, config_.beta2, config_.epsilon, config_.weight_decay};
  adamw_step(adamw,
             {progress.step + 1, step.learning_rate, clip_scale(step.grad_norm, config_.max_grad_norm)},
             group_.parameters->grads(), state_.values, state_.moments);
  ++progress.step;
  progress.last_loss = step.loss;
  progress.tokens += step.tokens;
  progress.answer_tokens += step.answer_tokens;
  progress.seconds += step.seconds + watch.seconds();
}

std::optional<double> GroupTrainer::validate() {
  if (examples_.validation.empty()) {
    return std::nullopt;
  }
  const Stopwatch watch;
  const at::NoGradGuard no_grad;
  const std::vector<PackedBatch> batches = pack_all(examples_.validation, config_.max_tokens);
  double sum = 0.0;
  for (const PackedBatch& batch : batches) {
    sum += answer_loss_sum(model_, *group_.gate, batch).item<double>();
    require_finite(sum, "validation loss", batch.keys);
  }
  const double loss = sum / static_cast<double>(sum_answer_tokens(batches));
  GroupProgress& progress = state_.progress;
  if (!progress.best_validation_loss || loss < *progress.best_validation_loss) {
    progress.best_validation_loss = loss;
    progress.best_step = progress.step;
    state_.best_values = state_.values.clone();
  }
  progress.seconds += watch.seconds();
  return loss;
}

std::int64_t GroupTrainer::examples_left() const {
  const auto examples = static_cast<std::int64_t>(examples_.training.size());
  const std::int64_t steps = state_.progress.step;
  const std::int64_t in_epoch = steps % order_.steps_per_epoch() * config_.batch_size;
  return (config_.epochs - steps / order_.steps_per_epoch()) * examples - in_epoch;
}

void GroupTrainer::restore(const GroupState& state) {
  state_.progress = state.progress;
  state_.values.copy_(state.values);
  state_.moments = state.moments;
  state_.best_values = state.best_values;
}

void GroupTrainer::take_best() {
  if (state_.best_values.defined()) {
    state_.values.copy_(state_.best_values);
  }
}

io::Json GroupTrainer::fingerprint() const {
  return {{"parameters", group_.parameters->size()},
          {"training_examples", examples_.training.size()},
          {"training_hash", examples_fingerprint(examples_.training)},
          {"validation_examples", examples_.validation.size()},
          {"validation_hash", examples_fingerprint(examples_.validation)}};
}

void GroupTrainer::require_finite(double value, const char* what,
                                  const std::vector<std::uint64_t>& keys) const {
  if (!std::isfinite(value)) {
    throw_<NumericError>(
        "the {} of parameter group `{}` must be finite, but is {} after {} steps (examples {}).", what,
        group_.name, value, state_.progress.step, fmt::join(keys, ", "));
  }
}

}  // namespace routedk::train
