#include "plan_checks.h"

#include "routedk/core/error.h"
#include "routedk/experts/peft.h"
#include "routedk/experts/router_file.h"
#include "routedk/io/safetensors.h"
#include "routedk/model/parameters.h"
#include "routedk/model/weight_source.h"
#include "routedk/train/checkpoint.h"
#include "routedk/train/fingerprint.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include <unistd.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;

/// Checks that exactly the expected tensors are present, with their shapes and finite values. Each is read
/// and released; a model shared by several experiments is checked once.
void check_weights(model::WeightSource& source, const fs::path& path) {
  static std::set<fs::path> known;
  if (known.contains(path)) {
    return;
  }
  for (const model::Parameter& parameter : model::parameters(source.config())) {
    const std::vector<std::int64_t>& shape = parameter.shape;
    if (shape.size() != 2 || !source.packed(parameter.name, {shape[0], shape[1]})) {
      source.dense(parameter.name, shape);
    }
  }
  source.finish();
  known.insert(path);
}

/// Makes a folder in this one and removes it: some file systems refuse what their modes allow (/proc). The
/// system's error number; 0 if it can be done.
int error_of_writing(const fs::path& folder) {
  std::string trial = (folder / ".routedk-XXXXXX").string();
  if (::mkdtemp(trial.data()) == nullptr) {
    return errno;
  }
  return ::rmdir(trial.c_str()) == 0 ? 0 : errno;
}

/// Checks that the folder of a setting is writable or can be made.
void check_writable(const fs::path& folder, const char* setting) {
  fs::path there = fs::absolute(folder);
  std::error_code none;
  while (!fs::exists(there, none) && there.has_relative_path()) {
    there = there.parent_path();
  }
  const int error = error_of_writing(there);
  if (error != 0) {
    throw_<ConfigError>("`{}` must be a folder that can be written, but is {}; the system says of {}: {}",
                        setting, folder.string(), there.string(),
                        std::error_code(error, std::system_category()).message());
  }
}

bool is_to_do(const Experiment& experiment, const Step& step) {
  return !experiment.store().done(step);
}

/// The checkpoints of both phases of a training.
void require_machine_of(const fs::path& checkpoints, const train::TrainConfig& config, at::Device device) {
  for (const fs::path& folder : {checkpoints, checkpoints / "expected_utility"}) {
    const auto newest = fs::exists(folder) ? train::newest_checkpoint(folder) : std::nullopt;
    if (newest && !config.resume_elsewhere) {
      train::require_same_machine(train::read_checkpoint_state(*newest).machine, device, newest->string());
    }
    if (newest) {
      io::SafetensorsFile::open(*newest / "tensors.safetensors");
    }
  }
}

const char* program_of(StepKind kind) {
  switch (kind) {
    case StepKind::kDistil:
      return "routedk-distill";
    case StepKind::kTrain:
      return "routedk-train";
    case StepKind::kRouter:
    case StepKind::kControls:
      return "routedk-train-router";
    default:
      return "routedk-eval";
  }
}

/// Whether a step's own program also runs the input.
bool does_itself(const Experiment& experiment, StepKind kind, const StepId& input) {
  const bool adopted = kind == StepKind::kRouter && input.kind == StepKind::kTrain &&
                       experiment.config().adapter_of(input.name) != nullptr;
  return adopted || input.kind == kind || (kind == StepKind::kRouter && input.kind == StepKind::kControls);
}

/// Reads the experts and the router that finished steps have left for others.
void require_whole_outputs(const Experiment& experiment, const model::LlamaConfig& model,
                           std::optional<StepKind> repeated) {
  for (const Step* step : needed_steps(experiment.steps())) {
    const bool done = experiment.store().done(*step) && (!repeated || step->id.kind < *repeated);
    if (done && step->id.kind == StepKind::kTrain) {
      experts::load_peft(experiment.expert_folder(step->id.name), step->id.name, model);
    } else if (done && step->id.kind == StepKind::kRouter) {
      experts::load_router(experiment.router_folder(), model);
    }
  }
}

}  // namespace

void check_teachers(const Experiment& experiment) {
  const auto needed = needed_steps(experiment.steps());
  const bool asked = std::any_of(needed.begin(), needed.end(), [&](const Step* step) {
    return (step->id.kind == StepKind::kDistil || step->id.kind == StepKind::kTeacher) &&
           is_to_do(experiment, *step);
  });
  if (asked) {
    check_teacher(experiment.config());
  }
}

void require_writable(const Experiment& experiment) {
  check_writable(experiment.folder(), "run.dir");
  check_writable(experiment.store().path(), "run.store");
}

void require_resumable(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  std::vector<StepId> experts;  // trained together
  for (const Step* step : needed_steps(experiment.steps())) {
    if (!is_to_do(experiment, *step)) {
      continue;
    }
    if (step->id.kind == StepKind::kTrain && c.adapter_of(step->id.name) == nullptr) {
      experts.push_back(step->id);
    }
    if (step->id.kind == StepKind::kRouter) {
      require_machine_of(experiment.step_folder(step->id) / "checkpoints", c.router,
                         experiment.load_options().device);
    }
  }
  if (!experts.empty()) {
    require_machine_of(checkpoints_of(experiment, experts), c.train, experiment.load_options().device);
  }
}

void require_runnable(const Experiment& experiment, std::optional<StepKind> repeated) {
  const ExperimentConfig& c = experiment.config();
  require_writable(experiment);
  for (const Step* step : needed_steps(experiment.steps())) {
    experiment.store().check(*step);
    experiment.check_links(step->id);
  }
  if (experiment.evaluates()) {
    check_systems(experiment);
  }
  check_teachers(experiment);
  const auto source = model::WeightSource::open(c.model.path);
  require_adapters_fit(experiment);
  require_whole_outputs(experiment, source->config(), repeated);
  check_weights(*source, c.model.path);
}

void require_ready(const Experiment& experiment, StepKind kind, const std::string& expert) {
  const std::vector<std::string> experts = experts_named(experiment.config(), expert);
  for (const Step& step : experiment.steps()) {
    const bool left_out =
        kind == StepKind::kTrain && std::find(experts.begin(), experts.end(), step.id.name) == experts.end();
    if (step.id.kind != kind || left_out || !is_to_do(experiment, step)) {
      continue;
    }
    for (const StepId& input : step.inputs) {
      if (!does_itself(experiment, kind, input)) {
        require_done(experiment, input, program_of(input.kind));
      }
    }
    require_free(experiment, step.id);
  }
}

}  // namespace routedk::workflow
