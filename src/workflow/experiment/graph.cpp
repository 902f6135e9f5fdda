#include "routedk/workflow/experiment/graph.h"

#include "routedk/core/config.h"
#include "routedk/experts/gate_spec.h"
#include "routedk/workflow/experiment/experiment.h"
#include "routedk/workflow/steps/answer_setting.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

using experts::GateKind;

/// Adds the scalars and lists of a section under their full names.
void add_node(const ConfigNode& node, const std::string& name, Settings& to) {
  if (node.kind == ConfigNode::Kind::kMap) {
    for (const ConfigNode& member : node.children) {
      add_node(member, name + "." + member.name, to);
    }
  } else {
    to[name] = yaml_flow(node);
  }
}

template <typename Section>
void add(const std::string& name, const Section& section, Settings& to) {
  add_node(ConfigSource::from_string(dump_config(section), name).root(), name, to);
}

/// Removes settings that do not change any number, given the others.
void erase(Settings& settings, const std::vector<std::string>& names) {
  std::erase_if(settings, [&](const auto& setting) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return setting.first == name || setting.first.starts_with(name + ".");
    });
  });
}

/// The settings of a training, of TrainConfig or RouterConfig, without those that change no number.
template <typename Training>
void add_training(const std::string& name, Training training, Settings& to) {
  training.reset_habits();
  add(name, training, to);
  if (training.max_steps == 0) {
    erase(to, {name + ".max_steps"});
  }
  if (training.objective == train::ObjectiveKind::kLikelihood) {
    erase(to, {name + ".expected_utility"});
  }
}

std::string hex(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

/// Builds the steps in order; shared parts are computed once.
class StepList {
 public:
  explicit StepList(const Experiment& experiment)
      : experiment_(experiment), config_(experiment.config()), data_(data_settings()) {}

  std::vector<Step> all() && {
    if (experiment_.has_sessions()) {
      add_step({StepKind::kDistil}, teacher_settings(), {});
      for (const auto& [part, name] : enum_names(bundle::SplitPart{})) {
        Settings settings = teacher_settings();
        settings["decode.seed"] = fmt::format("{}", config_.decode.seed);  // for the intervals
        settings["eval.resamples"] = fmt::format("{}", config_.eval.resamples);
        settings["eval.split"] = name;
        settings["eval.limit"] = fmt::format("{}", config_.eval.limit);
        add_step({StepKind::kTeacher, std::string(name)}, std::move(settings), {});
      }
    }
    for (const std::string& name : config_.experts) {
      if (config_.adapter_of(name) != nullptr) {
        add_step({StepKind::kTrain, name}, {{"adapter.contents", experiment_.adapter_contents(name)}}, {});
      } else {
        add_step({StepKind::kTrain, name}, expert_settings_of(name), knowledge_of(name));
      }
    }
    if (config_.experts.size() > 1) {
      add_step({StepKind::kRouter}, router_settings(), experts_);
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
      return experiment_.has_sessions() ? (data_folder(data.dir) / data.domain).string() : data.examples;
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

  /// Contents, not paths: machines may share a store.
  Settings data_settings() const {
    Settings settings{{"data.contents", hex(experiment_.contents().data)}};
    if (experiment_.has_sessions()) {
      const bundle::SplitCounts counts = split_counts(config_.split, data_folder(config_.data.dir));
      settings["data.domain"] = config_.data.domain;
      settings["data.untitled"] = name_of(config_.data.untitled);
      settings["split.test_per_length"] = fmt::format("{}", counts.test_per_length);
      settings["split.val_per_length"] = fmt::format("{}", counts.val_per_length);
      settings["split.train_limit"] = fmt::format("{}", config_.split.train_limit);
      settings["prompts.contents"] = hex(experiment_.contents().prompts);
      return settings;
    }
    if (config_.data.loss != TurnLoss::kAllTurns) {
      settings["data.loss"] = name_of(config_.data.loss);
    }
    if (config_.data.holds_out() && experiment_.evaluates()) {
      settings["data.holdout"] = fmt::format("{}", config_.data.holdout);
    }
    return settings;
  }

  Settings teacher_settings() const {
    Settings settings = data_;
    add("thoughts", config_.thoughts, settings);
    add("teacher", text_settings(config_.teacher), settings);
    if (config_.teacher.kind == distill::TeacherKind::kLocal) {
      add_model(settings);
      if (!config_.teacher.model.empty()) {
        settings["model.contents"] = hex(experiment_.contents().teacher);
        settings.erase("teacher.model");
        settings.erase("model.chat");
      }
    }
    return settings;
  }

  /// The backbone's contents, how it is held, and the precision here.
  void add_model(Settings& settings) const {
    add("model", config_.model, settings);
    settings.erase("model.path");
    settings["model.contents"] = hex(experiment_.contents().model);
    if (config_.model.chat.empty()) {
      settings.erase("model.chat");
    } else if (!text::ChatTemplate::is_name(config_.model.chat)) {
      settings["model.chat"] = hex(experiment_.contents().chat);
    }
    settings["model.dtype"] = name_of(experiment_.load_options().precision);
    settings["model.device"] = experiment_.load_options().device.is_cuda() ? "cuda" : "cpu";
  }

  /// Data, prompts and backbone.
  Settings model_settings() const {
    Settings settings = data_;
    add("prompt", config_.prompt, settings);
    if (config_.prompt.examples == 0) {
      erase(settings, {"prompt.examples", "prompt.choose_examples"});
    }
    if (config_.prompt.relations.empty()) {
      erase(settings, {"prompt.relation_pairs", "prompt.min_similarity"});
    }
    add_model(settings);
    return settings;
  }

  void add_holdout(Settings& settings) const {
    if (config_.router.data == RouterData::kHoldout) {
      settings["router.holdout"] = fmt::format("{}", config_.router.holdout);
      settings["train.seed"] = fmt::format("{}", config_.train.seed);
    }
  }

  /// What every expert's training depends on.
  Settings training_settings(train::TrainConfig training, const std::string& group) const {
    Settings settings = model_settings();
    training.learning_rate = training.rate_of(group);
    training.learning_rates.clear();
    LoraConfig lora = config_.lora;
    lora.init_adapter = experiment_.init_adapter();
    add("augment", config_.augment, settings);
    add("lora", lora, settings);
    if (!lora.init_adapter.empty()) {
      erase(settings, {"lora.rank", "lora.alpha", "lora.rank_stabilised"});
    }
    if (!lora.init_adapter.empty() || lora.adapts_all()) {  // older keys mean all
      erase(settings, {"lora.targets"});
    }
    add_training("train", training, settings);
    add_holdout(settings);
    return settings;
  }

  Settings expert_settings_of(const std::string& name) const {
    Settings settings = training_settings(config_.train, name);
    if (!knowledge_of(name).empty()) {
      add("knowledge", config_.knowledge, settings);
      if (config_.knowledge.rules == bundle::RuleSource::kSession) {
        erase(settings, {"knowledge.domain_rules"});
      }
    }
    return settings;
  }

  std::vector<StepId> knowledge_of(const std::string& name) const {
    return experiment_.has_sessions() && reads_knowledge(name) ? std::vector<StepId>{{StepKind::kDistil}}
                                                               : std::vector<StepId>();
  }

  Settings router_settings() const {
    Settings settings = model_settings();
    add("augment", config_.augment, settings);
    add_training("router", config_.router, settings);
    erase(settings, {"prompt.max_tokens"});  // affects only what experts read besides titles
    if (config_.router.data != RouterData::kHoldout) {
      erase(settings, {"router.holdout"});
    }
    settings["train.seed"] = fmt::format("{}", config_.train.seed);  // for the order of items
    return settings;
  }

  void add_control(const std::string& name) {
    const bool alone = experts::parse_gate_spec(name).kind == GateKind::kOneLoraOnRouterData;
    Settings settings = router_settings();
    if (alone) {
      settings.merge(training_settings(config_.train, name));
    }
    add_step({StepKind::kControls, name}, std::move(settings), alone ? std::vector<StepId>() : experts_);
  }

  /// One expert learns from everything by likelihood, next to the experts of the bank.
  void add_conflict() {
    Settings settings = training_settings(config_.train.likelihood_phase(), "merged");
    add("knowledge", config_.knowledge, settings);
    settings["watch.conflict"] = fmt::format("{}", config_.watch.conflict);
    std::vector<StepId> inputs{{StepKind::kDistil}};
    inputs.insert(inputs.end(), experts_.begin(), experts_.end());
    add_step({StepKind::kConflict}, std::move(settings), std::move(inputs));
  }

  void add_probe() {
    Settings settings = model_settings();
    erase(settings, {"prompt.max_tokens"});
    settings["eval.split"] = name_of(config_.eval.split);
    settings["eval.limit"] = fmt::format("{}", config_.eval.limit);
    std::vector<StepId> inputs = experts_;
    inputs.push_back({StepKind::kRouter});
    add_step({StepKind::kProbe}, std::move(settings), std::move(inputs));
  }

  /// Which sessions or examples are evaluated.
  void add_evaluated(Settings& settings) const {
    if (experiment_.has_sessions()) {
      settings["eval.split"] = name_of(config_.eval.split);
    } else if (!config_.data.test_examples.empty()) {
      settings["data.test_contents"] = hex(experiment_.contents().test);
    }
    settings["eval.limit"] = fmt::format("{}", config_.eval.limit);
  }

  /// The settings that the candidates depend on, regardless of the choice among them.
  Settings answer_settings(const std::string& system) const {
    Settings settings = model_settings();
    erase(settings, {"prompt.max_tokens"});
    DecodeConfig decode = config_.decode;
    const DecodeConfig defaults;
    decode.select = defaults.select;
    decode.utility = defaults.utility;
    decode.expectation = defaults.expectation;
    decode.batch_sessions = defaults.batch_sessions;
    decode.samples = most_samples(config_);
    add("decode", decode, settings);
    if (decode.temperature == 0.0 && !is_permuted(system)) {  // permuted draws which session gets whose
                                                              // weights
      erase(settings, {"decode.seed", "decode.top_k", "decode.top_p", "decode.min_p"});
    }
    add_evaluated(settings);
    if (wants_verifier(config_)) {
      settings["eval.verifier_sessions"] = fmt::format("{}", config_.eval.verifier_sessions);
      add_holdout(settings);
    }
    if (experts::parse_gate_spec(system).kind == GateKind::kRouter) {
      settings["eval.systems.contents"] = hex(hash_outside_systems({system}));
    }
    return settings;
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
      add_step(id, answer_settings(system), inputs_of(system));
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
    Settings settings = data_;
    settings["evaluate.format"] = "3";  // version of its output format
    DecodeConfig decode = config_.decode;
    decode.batch_sessions = DecodeConfig().batch_sessions;
    add("decode", decode, settings);
    add("eval", config_.eval, settings);
    settings.erase("eval.name");  // only a path
    if (!experiment_.has_sessions()) {
      settings.erase("eval.split");
      add_evaluated(settings);
    }
    settings["eval.systems.contents"] = hex(hash_outside_systems(config_.eval.systems));
    add_step({StepKind::kEvaluate}, std::move(settings), std::move(answers));
  }

  const Experiment& experiment_;
  const ExperimentConfig& config_;
  Settings data_;
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
