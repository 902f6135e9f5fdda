#include "routedk/core/error.h"
#include "routedk/kernels/gpu.h"
#include "routedk/workflow/steps/steps.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

/// Checks that settings and contents that affect numbers equal those of rank 0.
void require_one_step(const Experiment& experiment, const StepId& id) {
  const Step& step = experiment.step(id);
  const io::Json own = {{"step", to_string(id)}, {"settings", step.settings}, {"inputs", step.input_keys}};
  const io::Json first = io::Json::parse(experiment.world().from_first(own.dump()));
  Step of_first = step;
  if (first.at("step") != own.at("step")) {
    throw_<ConfigError>("all processes must run the same step, but rank 0 runs {} and rank {} runs {}",
                        first.at("step").get<std::string>(), experiment.world().rank(), to_string(id));
  }
  of_first.settings = first.at("settings").get<Settings>();
  of_first.input_keys = first.at("inputs").get<std::map<std::string, std::string>>();
  if (const auto lines = differences(of_first, step); !lines.empty()) {
    throw_<ConfigError>("all processes must run the same step, but {} differs between rank 0 and rank {}: {}",
                        to_string(id), experiment.world().rank(), fmt::format("{}", fmt::join(lines, ", ")));
  }
}

[[noreturn]] void refuse_held(const Experiment& experiment, const StepId& id) {
  throw_<UserError>("step {} must be done by one process at a time, but {} is working on it ({})",
                    to_string(id), experiment.store().holder(experiment.step(id)),
                    experiment.step_folder(id).string());
}

bool opened(Experiment& experiment, const StepId& id) {
  const Step& step = experiment.step(id);
  if (experiment.store().done(step)) {
    spdlog::info("{}: done", to_string(id));
    experiment.link_step(id);
    return false;
  }
  if (!experiment.open_step(id)) {
    refuse_held(experiment, id);
  }
  if (experiment.store().done(step)) {  // by another process in the meantime
    experiment.leave_step(id);
    return false;
  }
  return true;
}

}  // namespace

bool begin_step(Experiment& experiment, const StepId& id) {
  const parallel::World& world = experiment.world();
  require_one_step(experiment, id);
  const bool begun = world.first() && opened(experiment, id);
  kernels::reset_gpu_peak();
  return world.greatest(begun ? 1 : 0) == 1;
}

void require_free(const Experiment& experiment, const StepId& id) {
  if (!experiment.store().holder(experiment.step(id)).empty()) {
    refuse_held(experiment, id);
  }
}

bool is_done(const Experiment& experiment, const StepId& id) {
  return experiment.store().done(experiment.step(id));
}

std::string what_changed(const Experiment& experiment, const Step& step,
                         const std::map<std::string, io::JsonField>& records) {
  const auto own = experiment.linked_step(step.id);
  const auto before = own ? own : experiment.store().earlier(step, records);
  std::vector<std::string> changes = before ? differences(*before, step) : std::vector<std::string>();
  if (changes.empty()) {
    return "";
  }
  constexpr std::size_t kMostOfAnother = 4;  // of another run's step, which may differ in everything
  if (!own && changes.size() > kMostOfAnother) {
    const std::size_t more = changes.size() - kMostOfAnother;
    changes.resize(kMostOfAnother);
    changes.push_back(fmt::format("and {} more", more));
  }
  return fmt::format("{}: {}",
                     own ? "changed since this run's last" : "not in this run; unlike the store's newest",
                     fmt::join(changes, ", "));
}

void require_done(const Experiment& experiment, const StepId& id, const std::string& program) {
  if (is_done(experiment, id)) {
    return;
  }
  const std::string changed =
      what_changed(experiment, experiment.step(id), experiment.store().whole(id.kind));
  throw_<ConfigError>("step {} must be done under the present settings first, but is not ({}); run {}",
                      to_string(id), changed.empty() ? experiment.step_folder(id).string() : changed,
                      program);
}

void require_sessions(const Experiment& experiment, StepKind kind) {
  if (!experiment.has_sessions()) {
    throw_<ConfigError>(
        "`data.examples` must be empty for step {}, which works on bundle data, but is {} instead", kind,
        experiment.config().data.examples);
  }
}

void mark_done(Experiment& experiment, const std::vector<StepId>& ids) {
  if (experiment.world().first()) {
    experiment.close_steps(ids, static_cast<double>(kernels::gpu_peak_bytes()) / (1 << 20));
  }
  experiment.world().wait_for_all();
}

void forget_from(const Experiment& experiment, StepKind first) {
  const std::vector<Step>& all = experiment.steps();
  std::for_each(all.rbegin(), all.rend(), [&](const Step& step) {
    // Where an adapter is gone, its path is the run's own copy.
    const std::string* adapter =
        step.id.kind == StepKind::kTrain ? experiment.config().adapter_of(step.id.name) : nullptr;
    const bool only_copy = adapter != nullptr && std::filesystem::exists(*adapter) &&
                           std::filesystem::equivalent(*adapter, experiment.expert_folder(step.id.name));
    if (step.id.kind >= first && !only_copy) {
      // What a teacher wrote may have cost money, and each record has the hash of its inputs.
      const bool written = step.id.kind == StepKind::kDistil || step.id.kind == StepKind::kTeacher;
      experiment.store().remove(step,
                                written ? std::vector<std::string>{"knowledge.jsonl", "knowledge.spent.jsonl",
                                                                   "answers.jsonl", "answers.spent.jsonl"}
                                        : std::vector<std::string>());
    }
  });
}

}  // namespace routedk::workflow
