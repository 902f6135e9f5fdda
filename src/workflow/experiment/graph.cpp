#include "routedk/workflow/experiment/graph.h"

#include "routedk/experts/gate_spec.h"
#include "routedk/workflow/experiment/experiment.h"
#include "routedk/workflow/experiment/session_data.h"
#include "routedk/workflow/steps/answer_setting.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>
#include <set>
#include <utility>

#include "step_settings.h"

namespace routedk::workflow {
namespace {

using experts::GateKind;

/// Builds the steps in order; shared parts are computed once.
class StepList {
 public:
  explicit StepList(const Experiment& experiment)
      : experiment_(experiment), config_(experiment.config()), settings_(experiment) {}

  std::vector<Step> all() && {
    if (experiment_.has_sessions()) {
      add_step({StepKind::kDistil}, settings_.teacher(), {});
      for (const auto& [part, enum_name] : enum_names(bundle::SplitPart{})) {
        const std::string name(enum_name);
        add_step({StepKind::kTeacher, name}, settings_.teacher_answers(name), {});
      }
    }
    for (const std::string& name : config_.experts) {
      if (config_.adapter_of(name) != nullptr) {
        add_step({StepKind::kTrain, name}, {{"adapter.contents", experiment_.adapter_contents(name)}}, {});
      } else {
        const std::vector<StepId> knowledge = knowledge_of(name);
        add_step({StepKind::kTrain, name}, settings_.expert(name, !knowledge.empty()), knowledge);
      }
    }
    if (config_.experts.size() > 1) {
      add_step({StepKind::kRouter}, settings_.router(), experts_);
    }
    for (const std::string& name : trained_controls(config_)) {
      add_control(name);
    }
    if (experiment_.has_sessions()) {
      if (config_.watch.conflict > 0) {
        add_conflict();
      }
      if (config_.watch.probe) {
        add_probe();
      }
    }
    if (experiment_.evaluates()) {
      add_evaluation();
    }
    return std::move(steps_);
  }

 private:
  bool has(const StepId& id) const {
    return std::any_of(steps_.begin(), steps_.end(), [&](const Step& step) { return step.id == id; });
  }

  /// The file or folder whose contents a setting hashes; "" for other settings.
  std::string place_behind(const std::string& setting, StepKind kind) const {
    const DataConfig& data = config_.data;
    if (setting == "data.contents") {
      const std::filesystem::path folder = data_folder(data.dir);
      return !experiment_.has_sessions() ? data.examples
             : data.others().empty()     ? (folder / data.domain).string()
                                         : folder.string();
    }
    if (setting == "data.test_contents") {
      return data.test_examples;
    }
    if (setting == "prompts.contents") {
      return config_.prompts;
    }
    if (setting != "model.contents") {
      return "";
    }
    const bool of_teacher = kind == StepKind::kDistil || kind == StepKind::kTeacher;
    return of_teacher && !config_.teacher.model.empty() ? config_.teacher.model : config_.model.path;
  }

  void add_step(StepId id, Settings settings, std::vector<StepId> inputs) {
    Step step{std::move(id), std::move(settings), std::move(inputs), {}, {}};
    for (const StepId& input : step.inputs) {
      const auto at =
          std::find_if(steps_.begin(), steps_.end(), [&](const Step& s) { return s.id == input; });
      step.input_keys[to_string(input)] = at->key;
    }
    step.key = key_of(step);
    for (const auto& [name, value] : step.settings) {
      if (const std::string place = place_behind(name, step.id.kind); !place.empty()) {
        step.places[name] = std::filesystem::absolute(place).lexically_normal().string();
      }
    }
    if (step.id.kind == StepKind::kTrain) {
      experts_.push_back(step.id);
    }
    steps_.push_back(std::move(step));
  }

  std::vector<StepId> knowledge_of(const std::string& name) const {
    return experiment_.has_sessions() && reads_knowledge(name) ? std::vector<StepId>{{StepKind::kDistil}}
                                                               : std::vector<StepId>();
  }

  void add_control(const std::string& name) {
    const bool alone = experts::parse_gate_spec(name).kind == GateKind::kOneLoraOnRouterData;
    add_step({StepKind::kControls, name}, settings_.control(name, alone),
             alone ? std::vector<StepId>() : experts_);
  }

  /// One expert learns from everything by likelihood, next to the experts of the bank.
  void add_conflict() {
    std::vector<StepId> inputs{{StepKind::kDistil}};
    inputs.insert(inputs.end(), experts_.begin(), experts_.end());
    add_step({StepKind::kConflict}, settings_.conflict(), std::move(inputs));
  }

  void add_probe() {
    std::vector<StepId> inputs = experts_;
    inputs.push_back({StepKind::kRouter});
    add_step({StepKind::kProbe}, settings_.probe(), std::move(inputs));
  }

  std::vector<StepId> inputs_of(const std::string& system) const {
    const auto spec = experts::parse_gate_spec(system);
    if (spec.kind == GateKind::kBackbone) {
      return {};
    }
    if (spec.kind == GateKind::kNamed) {
      return {{StepKind::kTrain, spec.name}};
    }
    if (spec.kind == GateKind::kOneLoraOnRouterData) {
      return {{StepKind::kControls, system}};
    }
    std::vector<StepId> inputs = experts_;
    if (spec.kind == GateKind::kPermuted) {
      inputs.push_back({StepKind::kAnswer, router_system(config_)});
    } else if (experts::is_trained_control(spec.kind)) {
      inputs.push_back({StepKind::kControls, system});
    } else if (takes_router(system)) {
      inputs.push_back({StepKind::kRouter});
    }
    return inputs;
  }

  void add_answers(const std::string& system) {
    const StepId id{StepKind::kAnswer, system};
    if (!has(id)) {
      if (is_permuted(system)) {
        add_answers(router_system(config_));
      }
      add_step(id, settings_.answers(system), inputs_of(system));
    }
  }

  void add_evaluation() {
    std::vector<StepId> answers;
    for (const std::string& system : config_.eval.systems) {
      if (has_candidates(system)) {
        answers.push_back({StepKind::kAnswer, system});
        add_answers(system);
      } else if (experts::parse_gate_spec(system).kind == GateKind::kTeacher) {
        answers.push_back({StepKind::kTeacher, std::string(name_of(config_.eval.split))});
      }
    }
    add_step({StepKind::kEvaluate}, settings_.evaluation(), std::move(answers));
  }

  const Experiment& experiment_;
  const ExperimentConfig& config_;
  StepSettings settings_;
  std::vector<StepId> experts_;
  std::vector<Step> steps_;
};

}  // namespace

std::vector<Step> steps_of(const Experiment& experiment) {
  return StepList(experiment).all();
}

namespace {

/// Whether a step is an end in itself for an experiment on sessions.
bool is_outcome(StepKind kind) {
  return kind == StepKind::kEvaluate || kind == StepKind::kConflict || kind == StepKind::kProbe;
}

}  // namespace

std::vector<const Step*> needed_steps(const std::vector<Step>& all) {
  const bool evaluates = !all.empty() && all.back().id.kind == StepKind::kEvaluate;
  std::set<StepId> wanted;
  std::vector<const Step*> needed;
  std::for_each(all.rbegin(), all.rend(), [&](const Step& step) {
    const bool outcome = evaluates ? is_outcome(step.id.kind)
                                   : step.id.kind == StepKind::kTrain || step.id.kind == StepKind::kRouter;
    if (outcome || wanted.contains(step.id)) {
      wanted.insert(step.inputs.begin(), step.inputs.end());
      needed.push_back(&step);
    }
  });
  std::reverse(needed.begin(), needed.end());
  return needed;
}

}  // namespace routedk::workflow
