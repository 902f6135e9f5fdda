#include "routedk/train/group_trainer.h"

#include "routedk/core/error.h"
#include "routedk/train/answer_loss.h"
#include "routedk/train/fingerprint.h"

#include <chrono>
#include <cmath>
#include <list>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

namespace routedk::train {
namespace {

using kernels::AdamWConfig;
using kernels::clip_scale;
using kernels::gradient_norm;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

/// Lets `average`, where there is one, stand in `values` while it lives.
class AverageInPlace {
 public:
  AverageInPlace(const at::Tensor& values, const at::Tensor& average) : values_(values) {
    if (average.defined()) {
      own_ = values.clone();
      values.copy_(average);
    }
  }
  AverageInPlace(const AverageInPlace&) = delete;
  AverageInPlace& operator=(const AverageInPlace&) = delete;
  ~AverageInPlace() {
    if (own_.defined()) {
      values_.copy_(own_);
    }
  }

 private:
  at::Tensor values_;  // [P]
  at::Tensor own_;     // [P] or undefined
};

std::int64_t count_training(const ParameterGroup& group, const GroupExamples& examples) {
  if (examples.training.empty()) {
    throw_<DataError>("parameter group `{}` must have at least 1 training example, but has 0 instead.",
                      group.name);
  }
  return static_cast<std::int64_t>(examples.training.size());
}

}  // namespace

void RoutingOfStep::add(const std::vector<experts::GateRows>& rows) {
  if (rows.empty() || !rows.front().owner.empty()) {
    return;
  }
  alphas_.resize(rows.size());
  for (std::size_t layer = 0; layer < rows.size(); ++layer) {
    const at::Tensor alpha = rows[layer].alpha.detach();
    alphas_[layer].push_back(alpha / alpha.sum(-1, true));  // [S,K]
  }
}

std::vector<experts::LayerRouting> RoutingOfStep::layers() const {
  std::vector<experts::LayerRouting> all;
  all.reserve(alphas_.size());
  for (const auto& alphas : alphas_) {
    all.push_back(experts::routing_of(at::cat(alphas)));
  }
  return all;
}

GroupTrainer::GroupTrainer(const experts::RoutedModel& model, const TrainConfig& config, ParameterGroup group,
                           GroupExamples examples)
    : model_(model),
      config_(config),
      group_(std::move(group)),
      examples_(std::move(examples)),
      order_(count_training(group_, examples_), config.batch_size, config.seed, group_.name),
      total_steps_(config.epochs * order_.steps_per_epoch()),
      schedule_(config.schedule, config.warmup, total_steps_),
      batches_([this](std::int64_t step) { return batches_of(step); }) {
  group_.parameters->set_trainable(true);
  state_.values = group_.parameters->values();
  state_.moments = AdamWMoments::zeros_like(group_.parameters->values());
  if (config.ema > 0.0) {
    state_.average = state_.values.clone();
  }
}

GroupTrainer::~GroupTrainer() {
  group_.parameters->set_trainable(false);
}

std::vector<PackedBatch> GroupTrainer::batches_of(std::int64_t step) {
  const std::int64_t epoch = step / order_.steps_per_epoch();
  std::vector<const Example*> taken;
  std::list<Example> augmented;
  for (const std::size_t i : order_.batch(step)) {
    const Example* example = examples_.training[i];
    taken.push_back(examples_.augment ? &augmented.emplace_back(examples_.augment(*example, epoch))
                                      : example);
  }
  return pack_all(taken, config_.max_tokens, model_.backbone().device());
}

void GroupTrainer::begin() {
  const std::int64_t now = state_.progress.step;
  const bool more = config_.prepare_ahead && now + 1 < total_steps_;
  now_ = batches_.take(now, more ? now + 1 : -1);
  step_ = GroupStep();
  routing_ = RoutingOfStep();
  for (const PackedBatch& batch : now_) {
    step_.examples += batch.batch.sequences();
    step_.tokens += batch.batch.tokens();
    step_.answer_tokens += batch.answer_tokens();
    step_.keys.insert(step_.keys.end(), batch.keys.begin(), batch.keys.end());
  }
  group_.parameters->grads().zero_();
}

void GroupTrainer::add(const BatchFindings& found) {
  step_.loss += found.loss;
  step_.token_loss += found.token_loss;
  routing_.add(found.rows);
}

GroupStep GroupTrainer::finish() {
  step_.routing = routing_.layers();
  step_.grad_norm = gradient_norm(group_.parameters->grads());
  step_.learning_rate = config_.rate_of(group_.name) * schedule_.factor(state_.progress.step);
  check_finite(step_);
  return std::move(step_);
}

void GroupTrainer::check_finite(GroupStep& step) const {
  const bool finite_loss = std::isfinite(step.loss);
  if (finite_loss && std::isfinite(step.grad_norm)) {
    return;
  }
  step.not_finite = finite_loss ? "gradient norm" : "loss";
  const GroupProgress& progress = state_.progress;
  if (progress.bad_steps_in_a_row >= config_.max_bad_steps) {
    throw_<NumericError>(
        "the {} of parameter group `{}` must be finite but for at most {} steps in a row, but is {} after {} "
        "steps (examples {})",
        step.not_finite, group_.name, config_.max_bad_steps, finite_loss ? step.grad_norm : step.loss,
        progress.step, fmt::join(step.keys, ", "));
  }
}

void GroupTrainer::apply(const GroupStep& step) {
  const Stopwatch watch;
  GroupProgress& progress = state_.progress;
  if (step.not_finite != nullptr) {
    ++progress.bad_steps;
    ++progress.bad_steps_in_a_row;
  } else {
    const AdamWConfig adamw{config_.beta1, config_.beta2, config_.epsilon, config_.weight_decay};
    const std::int64_t number = progress.step - progress.bad_steps + 1;
    adamw_step(adamw, {number, step.learning_rate, clip_scale(step.grad_norm, config_.max_grad_norm)},
               group_.parameters->grads(), state_.values, state_.moments);
    if (state_.average.defined()) {
      state_.average.lerp_(state_.values, 1.0 - config_.ema);
    }
    progress.bad_steps_in_a_row = 0;
    progress.last_loss = step.token_loss;
  }
  ++progress.step;
  progress.tokens += step.tokens;
  progress.answer_tokens += step.answer_tokens;
  progress.seconds += step.seconds + watch.seconds();
}

std::optional<Validation> GroupTrainer::validate(const ValidationHook& hook) {
  if (examples_.validation.empty()) {
    return std::nullopt;
  }
  const Stopwatch watch;
  const at::NoGradGuard no_grad;
  const AverageInPlace average(state_.values, state_.average);
  Validation validation{validation_loss(), hook ? hook(group_.name) : Findings()};
  keep_if_best(validation.loss);
  state_.progress.seconds += watch.seconds();
  return validation;
}

double GroupTrainer::validation_loss() const {
  double sum = 0.0;
  std::int64_t answer_tokens = 0;
  for (const PackedBatch& batch :
       pack_all(examples_.validation, config_.max_tokens, model_.backbone().device())) {
    sum += answer_loss_sum(model_, *group_.gate, batch).item<double>();
    answer_tokens += batch.answer_tokens();
    if (!std::isfinite(sum)) {
      throw_<NumericError>(
          "the validation loss of parameter group `{}` must be finite, but is {} after {} steps (examples "
          "{})",
          group_.name, sum, state_.progress.step, fmt::join(batch.keys, ", "));
    }
  }
  return sum / static_cast<double>(answer_tokens);
}

void GroupTrainer::keep_if_best(double loss) {
  GroupProgress& progress = state_.progress;
  if (progress.best_validation_loss && loss >= *progress.best_validation_loss) {
    ++progress.stale_validations;
    return;
  }
  progress.stale_validations = 0;
  progress.best_validation_loss = loss;
  progress.best_step = progress.step;
  state_.best_values = state_.values.clone();
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
  const auto here = [&](const at::Tensor& x) { return x.defined() ? x.to(state_.values.device()) : x; };
  state_.moments = {here(state.moments.first), here(state.moments.second)};
  state_.best_values = here(state.best_values);
  state_.average = here(state.average);
}

void GroupTrainer::take_best() {
  const at::Tensor& best = state_.best_values.defined() ? state_.best_values : state_.average;
  if (best.defined()) {
    state_.values.copy_(best);
  }
}

io::Json GroupTrainer::fingerprint() const {
  return {{"parameters", group_.parameters->size()},
          {"settings", group_.settings},
          {"entropy_weight", group_.penalty.entropy_weight},
          {"balance_weight", group_.penalty.balance_weight},
          {"training_examples", examples_.training.size()},
          {"training_hash", examples_fingerprint(examples_.training)},
          {"validation_examples", examples_.validation.size()},
          {"validation_hash", examples_fingerprint(examples_.validation)}};
}

}  // namespace routedk::train
