#include "routedk/train/group_trainer.h"

#include "routedk/core/error.h"
#include "routedk/train/fingerprint.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "values_in_place.h"
#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

namespace routedk::train {
namespace {

using kernels::AdamWOptions;
using kernels::clip_scale;
using kernels::gradient_norm;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

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

std::vector<experts::LayerRouting> RoutingOfStep::layers(std::int64_t experts,
                                                         const parallel::World& world) const {
  std::vector<at::Tensor> own(alphas_.size());
  std::transform(alphas_.begin(), alphas_.end(), own.begin(),
                 [](const auto& layer) { return at::cat(layer); });
  const at::Tensor rows = world.gather(own.empty() ? at::Tensor() : at::cat(own, 1));  // [S,L K]
  std::vector<experts::LayerRouting> all;
  for (std::int64_t at = 0; rows.defined() && at < rows.size(1); at += experts) {
    all.push_back(experts::routing_of(rows.narrow(1, at, experts)));
  }
  return all;
}

GroupTrainer::GroupTrainer(const experts::RoutedModel& model, const TrainConfig& config, ParameterGroup group,
                           GroupExamples examples, parallel::World world)
    : config_(config),
      experts_(model.bank().size()),
      world_(std::move(world)),
      group_(std::move(group)),
      examples_(std::move(examples)),
      objective_(make_objective(model, config, group_, examples_, world_)),
      total_steps_(objective_->steps()),
      schedule_(config.schedule, config.warmup, total_steps_) {
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

void GroupTrainer::begin() {
  StepWork work = objective_->work(state_.progress.step);
  now_ = std::move(work.batches);
  step_ = GroupStep();
  routing_ = RoutingOfStep();
  step_.examples = work.examples;
  step_.samples = work.samples;
  std::int64_t sequences = 0;
  for (const PackedBatch& batch : now_) {
    sequences += batch.batch.sequences();
    step_.tokens += batch.batch.tokens();
    step_.answer_tokens += batch.answer_tokens();
    step_.keys.insert(step_.keys.end(), batch.keys.begin(), batch.keys.end());
  }
  at::Tensor counts = at::tensor({sequences, step_.tokens, step_.answer_tokens}, at::kLong);
  world_.sum(counts);
  sequences_ = counts[0].item<std::int64_t>();
  step_.tokens = counts[1].item<std::int64_t>();
  step_.answer_tokens = counts[2].item<std::int64_t>();
  step_.skipped = sequences_ == 0;
  group_.parameters->grads().zero_();
}

void GroupTrainer::add(const BatchFindings& found) {
  step_.loss += found.loss;
  step_.token_loss += found.token_loss;
  routing_.add(found.rows);
}

GroupStep GroupTrainer::finish() {
  if (!group_.gate->owner()) {
    step_.routing = routing_.layers(experts_, world_);
  }
  at::Tensor losses = at::tensor({step_.loss, step_.token_loss}, at::kDouble);
  world_.sum(losses);
  step_.loss = losses[0].item<double>();
  step_.token_loss = losses[1].item<double>();
  at::Tensor gradient = group_.parameters->grads();
  world_.sum(gradient);
  step_.grad_norm = gradient_norm(gradient);
  step_.learning_rate = config_.rate_of(group_.name) * schedule_.factor(state_.progress.step);
  check_finite(step_);
  return std::move(step_);
}

/// The keys of the examples of all processes.
std::vector<std::uint64_t> GroupTrainer::keys_of_all(const std::vector<std::uint64_t>& own) const {
  at::Tensor rows = at::empty({static_cast<std::int64_t>(own.size()), 1}, at::kLong);
  for (std::size_t i = 0; i < own.size(); ++i) {
    rows[static_cast<std::int64_t>(i)] = static_cast<std::int64_t>(own[i]);
  }
  const at::Tensor all = world_.gather(rows, at::kLong);
  std::vector<std::uint64_t> keys;
  for (std::int64_t i = 0; i < all.size(0); ++i) {
    keys.push_back(static_cast<std::uint64_t>(all[i].item<std::int64_t>()));
  }
  return keys;
}

void GroupTrainer::check_finite(GroupStep& step) const {
  const bool finite_loss = std::isfinite(step.loss);
  if (finite_loss && std::isfinite(step.grad_norm)) {
    return;
  }
  step.keys = keys_of_all(step.keys);
  step.not_finite = finite_loss ? "gradient norm" : "loss";
  const GroupProgress& progress = state_.progress;
  if (progress.bad_steps_in_a_row >= config_.max_bad_steps) {
    throw_<NumericError>(
        "the {} of parameter group `{}` must be finite, except for at most {} steps in a row, but is {} "
        "after step {} (examples {})",
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
  } else if (step.skipped) {
    ++progress.skipped_steps;
  } else {
    const AdamWOptions adamw{config_.beta1, config_.beta2, config_.epsilon, config_.weight_decay};
    const std::int64_t number = progress.step - progress.bad_steps - progress.skipped_steps + 1;
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
  const ValuesInPlace average(state_.values, state_.average);
  Validation validation = objective_->validate(state_.progress.step);
  if (hook) {
    validation.found = hook(group_.name);
  }
  keep_if_best(validation.loss);
  state_.progress.seconds += watch.seconds();
  return validation;
}

std::int64_t GroupTrainer::validations_left() const {
  std::int64_t count = 0;
  for (std::int64_t done = state_.progress.step + 1; done <= total_steps_; ++done) {
    count += objective_->validates_after(done) ? 1 : 0;
  }
  return count;
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
          {"objective", objective_->fingerprint()},
          {"entropy_weight", group_.penalty.entropy_weight},
          {"balance_weight", group_.penalty.balance_weight},
          {"training_examples", examples_.training.size()},
          {"training_hash", examples_fingerprint(examples_.training)},
          {"validation_examples", examples_.validation.size()},
          {"validation_hash", examples_fingerprint(examples_.validation)}};
}

}  // namespace routedk::train
