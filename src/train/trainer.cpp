#include "routedk/train/trainer.h"

#include "routedk/core/error.h"
#include "routedk/core/memory.h"
#include "routedk/core/stop_signal.h"
#include "routedk/train/checkpoint.h"
#include "routedk/train/failure_signs.h"
#include "routedk/train/fingerprint.h"
#include "routedk/train/joint_step.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::train {
namespace {

void check(const Example& example, std::size_t groups, std::int64_t vocabulary) {
  if (example.group < 0 || static_cast<std::size_t>(example.group) >= groups) {
    throw_<DataError>("the group of training example {} must be between 0 and {}, but is {} instead.",
                      example.key, groups - 1, example.group);
  }
  for (const auto* ids : {&example.prompt, &example.answer}) {
    for (const std::int32_t id : *ids) {
      if (id < 0 || id >= vocabulary) {
        throw_<DataError>("a token of training example {} must be between 0 and {}, but is {} instead.",
                          example.key, vocabulary - 1, id);
      }
    }
  }
}

/// A copy of the state on the CPU, for writing.
GroupState on_cpu(GroupState state) {
  for (at::Tensor* tensor :
       {&state.values, &state.moments.first, &state.moments.second, &state.best_values, &state.average}) {
    *tensor = tensor->defined() ? tensor->to(at::kCPU) : *tensor;
  }
  return state;
}

std::vector<const Example*> of_group(const std::vector<Example>& examples, int group) {
  std::vector<const Example*> found;
  for (const Example& example : examples) {
    if (example.group == group) {
      found.push_back(&example);
    }
  }
  return found;
}

void require_unique_names(const std::vector<ParameterGroup>& groups) {
  std::set<std::string> names;
  for (const ParameterGroup& group : groups) {
    if (!names.insert(group.name).second) {
      throw_<ConfigError>("parameter groups must have different names, but two are `{}`.", group.name);
    }
  }
}

}  // namespace

Trainer::Trainer(TrainingJob job) : job_(std::move(job)) {
  if (!job_.world.first()) {
    write_nothing();
  }
  require_unique_names(job_.groups);
  const model::LlamaConfig& shape = job_.model.backbone().config();
  for (const auto& [what, examples] :
       {std::pair("training", &job_.training), {"validation", &job_.validation}}) {
    for (const Example& example : *examples) {
      check(example, job_.groups.size(), shape.vocab);
    }
    require_within_context(*examples, shape.context, what);
  }
  for (std::size_t i = 0; i < job_.groups.size(); ++i) {
    const int group = static_cast<int>(i);
    groups_.push_back(std::make_unique<GroupTrainer>(
        job_.model, job_.config, job_.groups[i],
        GroupExamples{of_group(job_.training, group), of_group(job_.validation, group), job_.augment,
                      job_.sample},
        job_.world));
  }
}

void Trainer::write_nothing() {
  job_.on_event = [](const Event&) {};
  job_.on_validation = {};
  job_.progress.terminal = false;
  job_.progress.line = [](const std::string&) {};
}

std::vector<GroupResult> Trainer::run() {
  const StopSignals signals(job_.world.first() ? "finishing the step and saving it" : "");
  fingerprint_ = make_fingerprint();
  require_one_job();
  const std::int64_t examples = examples_left();
  resume();
  std::int64_t validations = 0;
  for (const auto& group : groups_) {
    validations += job_.validation.empty() ? 0 : group->validations_left();
  }
  validation_time_ = ValidationTime(
      validations, static_cast<double>(job_.validation.size()) / static_cast<double>(groups_.size()));
  Progress progress(fmt::format("train {}", fmt::join(group_names(), ", ")), examples, "examples",
                    job_.progress);
  progress.begin_at(examples - examples_left());
  while (!done()) {
    step(progress);
    stop_if_asked();
  }
  progress.finish();
  std::vector<GroupResult> results;
  for (const auto& group : groups_) {
    group->take_best();
    results.push_back({group->name(), group->progress()});
  }
  groups_.clear();
  return results;
}

/// Checks that all processes have the same settings, data and machine type: otherwise sums would mix
/// different values, and each process's own update would round differently, step after step.
void Trainer::require_one_job() const {
  for (const io::Json& own : {fingerprint_, machine_fingerprint(job_.model.backbone().device())}) {
    require_equal(io::Json::parse(job_.world.from_first(own.dump())), own,
                  fmt::format("rank 0 (this is rank {})", job_.world.rank()));
  }
}

void Trainer::resume() {
  std::string newest;
  if (job_.world.first()) {
    remove_unfinished(job_.checkpoints);
    newest = newest_checkpoint(job_.checkpoints).value_or("").string();
  }
  newest = job_.world.from_first(newest);
  if (!newest.empty()) {
    restore(newest);
  }
  job_.on_event(ResumeEvent{step_, group_names()});
  if (step_ > 0) {
    spdlog::info("train {}: resumed at step {}", fmt::join(group_names(), ", "), step_);
  }
}

void Trainer::restore(const std::filesystem::path& path) {
  const Checkpoint state = read_checkpoint_state(path);
  require_equal(state.fingerprint, fingerprint_, path.string());
  if (!job_.config.resume_elsewhere) {
    require_same_machine(state.machine, job_.model.backbone().device(), path.string());
  }
  std::map<std::string, std::int64_t> parameters;
  for (const auto& group : groups_) {
    parameters[group->name()] = group->state().values.numel();
  }
  const Checkpoint checkpoint = read_checkpoint(path, parameters);
  for (const auto& group : groups_) {
    group->restore(checkpoint.groups.at(group->name()));
  }
  step_ = checkpoint.step;
  saved_step_ = step_;
}

void Trainer::step(Progress& progress) {
  std::vector<GroupTrainer*> due;
  for (const auto& group : groups_) {
    if (!group->done()) {
      due.push_back(group.get());
    }
  }
  const std::vector<GroupStep> steps = compute_steps(job_.model, job_.config, due);
  for (const GroupStep& step : steps) {
    validation_time_.add_step(step.examples, step.seconds);
  }
  progress.beside(0.0, validation_time_.left());
  for (std::size_t i = 0; i < due.size(); ++i) {
    progress.advance(steps[i].examples, fmt::format("{} loss {:.4f}", due[i]->name(), steps[i].loss));
  }
  for (std::size_t i = 0; i < due.size(); ++i) {
    GroupTrainer* const group = due[i];
    const GroupStep& computed = steps[i];
    group->apply(computed);
    report_step(*group, computed);
    if (group->validation_due()) {
      validate(*group, computed, progress);
    }
  }
  ++step_;
  const std::int64_t every = job_.config.checkpoint_every;
  if (done() || (step_ / every > saved_step_ / every && resumable())) {
    save();
  }
}

void Trainer::stop_if_asked() {
  const auto signal = static_cast<int>(job_.world.greatest(StopSignals::received()));
  if (signal == 0 || !(done() || resumable())) {
    return;
  }
  if (saved_step_ != step_) {
    save();
  }
  throw Interrupted(
      signal,
      fmt::format("signal {} stopped the training with {} saved in {}: run it again to continue there",
                  signal, counted(step_, "step"), job_.checkpoints.string()));
}

void Trainer::report_step(const GroupTrainer& group, const GroupStep& step) const {
  const std::int64_t number = group.progress().step;
  if (step.not_finite == nullptr) {
    job_.on_event(StepEvent{group.name(), number, step, resident_memory_mib()});
    if (step.skipped && group.progress().skipped_steps == 1) {
      warn(group,
           "no prompt has samples that differ in utility, or all of them are clipped: such a step changes "
           "nothing");
    }
    return;
  }
  job_.on_event(BadStepEvent{group.name(), number, step});
  warn(group, fmt::format("the step was not applied: its {} is not finite (examples {})", step.not_finite,
                          fmt::join(step.keys, ", ")));
}

void Trainer::validate(GroupTrainer& group, const GroupStep& step, Progress& shown) {
  shown.say(fmt::format("validating {}", group.name()));
  const double begun = job_.progress.now();
  const auto validation = group.validate(job_.on_validation);
  const double spent = job_.progress.now() - begun;
  validation_time_.add_validation(spent);
  shown.beside(spent, validation_time_.left());
  // The first step's weights are those before any update: a new router is close to uniform.
  std::vector<std::string> signs =
      group.progress().step > 1 ? routing_signs(step.routing) : std::vector<std::string>();
  if (validation) {
    const GroupProgress& progress = group.progress();
    job_.on_event(
        ValidationEvent{group.name(), progress.step, *validation, progress.best_step == progress.step});
    signs.insert(signs.end(), validation->found.warnings.begin(), validation->found.warnings.end());
    const auto overfit =
        validation->utility ? std::nullopt
                            : overfit_sign(validation->loss, *progress.best_validation_loss, step.token_loss);
    if (overfit) {
      signs.push_back(*overfit);
    }
  }
  for (const std::string& sign : signs) {
    warn(group, sign);
  }
}

void Trainer::warn(const GroupTrainer& group, const std::string& text) const {
  job_.on_event(WarningEvent{group.name(), group.progress().step, text});
  spdlog::warn("{}, step {}: {}", group.name(), group.progress().step, text);
}

void Trainer::save() {
  saved_step_ = step_;
  if (!job_.world.first()) {
    return;
  }
  Checkpoint checkpoint{step_, fingerprint_, machine_fingerprint(job_.model.backbone().device()), {}};
  for (const auto& group : groups_) {
    checkpoint.groups[group->name()] = on_cpu(group->state());
  }
  save_checkpoint(job_.checkpoints, checkpoint, job_.config.keep_checkpoints);
}

std::int64_t Trainer::examples_left() const {
  return std::accumulate(groups_.begin(), groups_.end(), std::int64_t{0},
                         [](std::int64_t sum, const auto& group) { return sum + group->examples_left(); });
}

bool Trainer::resumable() const {
  return std::all_of(groups_.begin(), groups_.end(),
                     [](const auto& group) { return group->done() || group->resumable(); });
}

bool Trainer::done() const {
  return std::all_of(groups_.begin(), groups_.end(), [](const auto& group) { return group->done(); });
}

std::vector<std::string> Trainer::group_names() const {
  std::vector<std::string> names;
  std::transform(groups_.begin(), groups_.end(), std::back_inserter(names),
                 [](const auto& group) { return group->name(); });
  return names;
}

io::Json Trainer::make_fingerprint() const {
  io::Json groups = io::Json::object();
  for (const auto& group : groups_) {
    groups[group->name()] = group->fingerprint();
  }
  return {{"config", config_fingerprint(job_.config)},
          {"backbone", backbone_fingerprint(job_.model.backbone())},
          {"groups", std::move(groups)}};
}

}  // namespace routedk::train
