#include "routedk/workflow/experiment/run.h"

#include "routedk/core/error.h"
#include "routedk/core/memory.h"
#include "routedk/core/progress.h"
#include "routedk/core/stop_signal.h"
#include "routedk/core/suggestion.h"
#include "routedk/workflow/experiment/cost.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <set>
#include <thread>

#include "plan_checks.h"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

struct Task {
  Experiment* experiment;
  const Step* step;
};

/// The steps that the experiments need, each key once, assigned to the first experiment that needs it.
std::vector<Task> tasks_of(std::span<Experiment* const> experiments) {
  std::vector<Task> tasks;
  std::set<std::string> known;
  for (Experiment* experiment : experiments) {
    for (const Step* step : needed_steps(experiment->steps())) {
      if (known.insert(step->key).second) {
        tasks.push_back({experiment, step});
      }
    }
  }
  return tasks;
}

std::vector<std::string> names_of(const std::vector<Task>& tasks) {
  std::vector<std::string> names(tasks.size());
  std::transform(tasks.begin(), tasks.end(), names.begin(),
                 [](const Task& task) { return to_string(task.step->id); });
  return names;
}

/// The step that --only names, itself or by its program. ConfigError if it is none of these.
std::string only_of(const std::vector<std::string>& names, const std::string& given) {
  const auto is_known = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  std::string name = is_known(given) ? given : step_of_program(given);
  if (!is_known(name)) {
    throw_<ConfigError>("--only must be one of {}, but is `{}` instead{}", fmt::join(names, ", "), given,
                        suggestion(given, names));
  }
  return name;
}

/// The first input that is not done; "" if all are.
std::string missing_input(const Task& task) {
  for (const StepId& input : task.step->inputs) {
    if (!is_done(*task.experiment, input)) {
      return to_string(input);
    }
  }
  return "";
}

[[noreturn]] void refuse_without_inputs(const Task& task) {
  throw_<ConfigError>("step {} must have its inputs done first, but {} is not (run it without --only)",
                      to_string(task.step->id), missing_input(task));
}

class Worker {
 public:
  Worker(std::vector<Task> tasks, const RunOptions& options) : tasks_(std::move(tasks)), options_(options) {}

  void run() {
    while (pass() || others_work()) {
    }
    if (first_failure_) {
      if (failures_.size() > 1) {
        spdlog::error("{} steps failed: {}", failures_.size(), fmt::join(failures_, ", "));
      }
      std::rethrow_exception(first_failure_);
    }
    for (const Task& task : tasks_) {
      if (!done(task) && parts_.empty()) {
        refuse_without_inputs(task);
      }
    }
  }

 private:
  bool done(const Task& task) const { return task.experiment->store().done(*task.step); }

  bool to_do(const Task& task) const {
    return !done(task) && !failed_.contains(task.step->key) && !parts_.contains(task.step->key) &&
           missing_input(task).empty();
  }

  /// Whether a step is done in parts, of which this process does its own.
  static bool in_parts(const Task& task) {
    return !task.experiment->shard().whole() &&
           (task.step->id.kind == StepKind::kDistil || task.step->id.kind == StepKind::kAnswer);
  }

  /// Runs every step that can run here and now; returns whether there was one.
  bool pass() {
    bool moved = false;
    for (const Task& task : tasks_) {
      if (to_do(task)) {
        moved = attempt(task) || moved;
      }
    }
    return moved;
  }

  /// False if another process works on the step.
  bool attempt(const Task& task) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<Task> together{task};
    std::vector<std::string> names{to_string(task.step->id)};
    try {
      if (in_parts(task)) {
        do_step(*task.experiment, task.step->id);
        parts_.insert(task.step->key);
        return true;
      }
      together = opened_with(task);
      if (together.empty()) {
        return false;
      }
      names = names_of(together);
      look_ahead(together);
      work(together);
    } catch (const Interrupted&) {
      throw;
    } catch (const std::exception&) {
      failed(together, names);
      return true;
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    spdlog::info("{}: {}, peak memory so far {:.0f} MiB", fmt::join(names, ", "),
                 format_duration(seconds.count()), peak_memory_mib());
    return true;
  }

  /// Gives progress an estimate of the end of all steps left to this process; those of other processes are
  /// not counted.
  void look_ahead(const std::vector<Task>& together) const {
    Expected now{0.0, 0.0};
    std::vector<Expected> to_come;
    for (const Task& task : tasks_) {
      const auto same = [&](const Task& other) { return other.step == task.step; };
      if (std::any_of(together.begin(), together.end(), same)) {
        const Expected one = expected(*task.experiment, *task.step);
        now.effort += one.effort;
        now.seconds = now.seconds && one.seconds ? std::optional(*now.seconds + *one.seconds) : std::nullopt;
      } else if (!done(task) && !failed_.contains(task.step->key) && !parts_.contains(task.step->key) &&
                 task.experiment->store().holder(*task.step).empty()) {
        to_come.push_back(expected(*task.experiment, *task.step));
      }
    }
    set_outlook(outlook_of(now, std::move(to_come)));
  }

  /// The opened step; for an expert, with the others of its experiment that can be trained together with it.
  std::vector<Task> opened_with(const Task& task) const {
    std::vector<Task> opened;
    for (const Task& other : tasks_) {
      const bool along = task.step->id.kind == StepKind::kTrain && other.step->id.kind == StepKind::kTrain &&
                         other.experiment == task.experiment && to_do(other);
      if ((other.step == task.step || along) && other.experiment->open_step(other.step->id)) {
        opened.push_back(other);
      }
    }
    return opened;
  }

  static void work(const std::vector<Task>& together) {
    Experiment& experiment = *together.front().experiment;
    if (together.front().step->id.kind != StepKind::kTrain) {
      return do_step(experiment, together.front().step->id);
    }
    std::vector<std::string> names(together.size());
    std::transform(together.begin(), together.end(), names.begin(),
                   [](const Task& task) { return task.step->id.name; });
    train_step(experiment, names);
  }

  /// In a catch block: rethrows, or records the failure.
  void failed(const std::vector<Task>& together, const std::vector<std::string>& names) {
    if (!options_.keep_going) {
      throw;
    }
    for (const Task& task : together) {
      failed_.insert(task.step->key);
      task.experiment->leave_step(task.step->id);
    }
    failures_.insert(failures_.end(), names.begin(), names.end());
    try {
      throw;
    } catch (const std::exception& error) {
      spdlog::error("{} failed, and the steps that need it are left out: {}", fmt::join(names, ", "),
                    error.what());
    }
    if (!first_failure_) {
      first_failure_ = std::current_exception();
    }
  }

  /// Waits briefly if another process works on one of the steps.
  bool others_work() const {
    const bool some = std::any_of(tasks_.begin(), tasks_.end(), [&](const Task& task) {
      return !done(task) && !task.experiment->store().holder(*task.step).empty();
    });
    if (some) {
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
    }
    return some || std::any_of(tasks_.begin(), tasks_.end(), [&](const Task& task) { return to_do(task); });
  }

  std::vector<Task> tasks_;
  const RunOptions& options_;
  std::set<std::string> failed_;       // keys
  std::set<std::string> parts_;        // keys of steps whose own part is done
  std::vector<std::string> failures_;  // names
  std::exception_ptr first_failure_;
};

/// Clears the estimate, so that progress of other programs does not show it.
struct ForgottenOutlook {
  ForgottenOutlook() = default;
  ForgottenOutlook(const ForgottenOutlook&) = delete;
  ForgottenOutlook& operator=(const ForgottenOutlook&) = delete;
  ~ForgottenOutlook() { set_outlook({}); }
};

/// Whether any training remains.
bool trains(const Experiment& experiment) {
  const std::vector<const Step*> needed = needed_steps(experiment.steps());
  return std::any_of(needed.begin(), needed.end(), [&](const Step* step) {
    return (step->id.kind == StepKind::kTrain || step->id.kind == StepKind::kRouter) &&
           !experiment.store().done(*step);
  });
}

/// `--from` must not remove what the only step reads: it would be lost, and the step could not run.
void require_inputs_stay(const Task& task, StepKind from) {
  for (const StepId& input : task.step->inputs) {
    if (input.kind >= from) {
      throw_<ConfigError>(
          "--only {0} must keep the inputs of {0}, but --from {1} removes {2} (leave --only out)",
          to_string(task.step->id), name_of(from), to_string(input));
    }
  }
  if (!missing_input(task).empty()) {
    refuse_without_inputs(task);
  }
}

/// The steps to run, after all checks that are possible before the first one.
std::vector<Task> checked_tasks(std::span<Experiment* const> experiments, const RunOptions& options) {
  for (Experiment* experiment : experiments) {
    require_writable(*experiment);
    if (experiment->evaluates()) {
      check_systems(*experiment);
    }
    if (options.only.empty()) {
      require_sessions_to_ask(*experiment);
      check_teachers(*experiment);
    }
    if (trains(*experiment)) {
      require_adapters_fit(*experiment);
      require_data_within(*experiment);
    }
  }
  std::vector<Task> tasks = tasks_of(experiments);
  if (!options.only.empty()) {
    const std::string only = only_of(names_of(tasks), options.only);
    std::erase_if(tasks, [&](const Task& task) { return to_string(task.step->id) != only; });
    if (options.from) {
      std::for_each(tasks.begin(), tasks.end(),
                    [&](const Task& task) { require_inputs_stay(task, *options.from); });
    }
  }
  return tasks;
}

/// What changed in a step to do since its run folder had it; "" if the folder never did.
std::string change_in_run(const Task& task) {
  return task.experiment->linked_step(task.step->id) ? what_changed(*task.experiment, *task.step, {}) : "";
}

/// Says how many steps are reused; of a single experiment which, and what changed in the others.
void say_what_is_reused(const std::vector<Task>& tasks, bool single) {
  std::vector<std::string> reused;
  std::vector<std::string> changed;
  for (const Task& task : tasks) {
    const std::string name = to_string(task.step->id);
    if (task.experiment->store().done(*task.step)) {
      reused.push_back(name);
    } else if (const std::string change = single ? change_in_run(task) : ""; !change.empty()) {
      changed.push_back(fmt::format("{}: {}", name, change));
    }
  }
  if (!reused.empty()) {
    spdlog::info("{} of {} steps are done already{}", reused.size(), tasks.size(),
                 single ? fmt::format(": {}", fmt::join(reused, ", ")) : "");
  }
  for (const std::string& line : changed) {
    spdlog::info("{}", line);
  }
}

/// The same; also discards steps that are to be run again.
std::vector<Task> fresh_tasks(std::span<Experiment* const> experiments, const RunOptions& options) {
  std::vector<Task> tasks = checked_tasks(experiments, options);
  for (const Experiment* experiment : experiments) {
    if (options.from) {
      forget_from(*experiment, *options.from);
    }
  }
  say_what_is_reused(tasks, experiments.size() == 1);
  return tasks;
}

void run(std::span<Experiment* const> experiments, const RunOptions& options) {
  const ForgottenOutlook forgotten;
  Worker(fresh_tasks(experiments, options), options).run();
  for (const Experiment* experiment : experiments) {
    experiment->record_settings();
    for (const Step* step : needed_steps(experiment->steps())) {
      if (is_done(*experiment, step->id)) {
        experiment->link_step(step->id);
      }
    }
  }
}

std::vector<Experiment*> pointers_to(std::span<const std::unique_ptr<Experiment>> experiments) {
  std::vector<Experiment*> all(experiments.size());
  std::transform(experiments.begin(), experiments.end(), all.begin(),
                 [](const auto& experiment) { return experiment.get(); });
  return all;
}

}  // namespace

std::string only_step(std::span<const std::unique_ptr<Experiment>> experiments, const std::string& given) {
  return only_of(names_of(tasks_of(pointers_to(experiments))), given);
}

void run_experiments(std::span<const std::unique_ptr<Experiment>> experiments, const RunOptions& options) {
  run(pointers_to(experiments), options);
}

void prepare_experiments(std::span<const std::unique_ptr<Experiment>> experiments,
                         const RunOptions& options) {
  fresh_tasks(pointers_to(experiments), options);
}

void check_experiments(std::span<const std::unique_ptr<Experiment>> experiments, const RunOptions& options) {
  checked_tasks(pointers_to(experiments), options);
}

void run_experiment(Experiment& experiment, const RunOptions& options) {
  Experiment* const only = &experiment;
  run({&only, 1}, options);
}

void do_step(Experiment& experiment, const StepId& id) {
  switch (id.kind) {
    case StepKind::kDistil:
      return distil_step(experiment);
    case StepKind::kTrain:
      return train_step(experiment, {id.name});
    case StepKind::kRouter:
      return router_step(experiment);
    case StepKind::kControls:
      return control_step(experiment, id.name);
    case StepKind::kConflict:
      return conflict_step(experiment);
    case StepKind::kProbe:
      return probe_step(experiment);
    case StepKind::kAnswer:
      return answer_step(experiment, id.name);
    case StepKind::kEvaluate:
      return evaluate_step(experiment);
    case StepKind::kTeacher:
      evaluate_teacher(experiment, experiment.config().eval.split);
      return;
    case StepKind::kCompare:
      break;
  }
  throw_<Error>("a step of one experiment must be done by itself, but {} is not", to_string(id));
}

}  // namespace routedk::workflow
