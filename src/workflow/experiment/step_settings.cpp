#include "step_settings.h"

#include "routedk/core/config.h"
#include "routedk/experts/gate_spec.h"
#include "routedk/workflow/experiment/experiment.h"
#include "routedk/workflow/experiment/session_data.h"
#include "routedk/workflow/steps/answer_setting.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>
#include <vector>

#include <fmt/ranges.h>

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

}  // namespace

StepSettings::StepSettings(const Experiment& experiment)
    : experiment_(experiment), config_(experiment.config()), data_(data()) {}

/// Contents, not paths: machines may share a store.
Settings StepSettings::data() const {
  Settings settings{{"data.contents", hex(experiment_.contents().data)}};
  if (experiment_.has_sessions()) {
    const bundle::SplitCounts counts = split_counts(config_.split, data_folder(config_.data.dir));
    settings["data.domain"] = config_.data.domain;
    if (const auto others = config_.data.others(); !others.empty()) {
      settings["data.with"] = fmt::format("[{}]", fmt::join(others, ", "));
    }
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

Settings StepSettings::teacher() const {
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

Settings StepSettings::teacher_answers(const std::string& part) const {
  Settings settings = teacher();
  settings["decode.seed"] = fmt::format("{}", config_.decode.seed);  // for the intervals
  settings["eval.resamples"] = fmt::format("{}", config_.eval.resamples);
  settings["eval.split"] = part;
  settings["eval.limit"] = fmt::format("{}", config_.eval.limit);
  return settings;
}

/// The backbone's contents, how it is held, and the precision here.
void StepSettings::add_model(Settings& settings) const {
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
Settings StepSettings::model() const {
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

void StepSettings::add_holdout(Settings& settings) const {
  if (config_.router.data == RouterData::kHoldout) {
    settings["router.holdout"] = fmt::format("{}", config_.router.holdout);
    settings["train.seed"] = fmt::format("{}", config_.train.seed);
  }
}

/// What every expert's training depends on.
Settings StepSettings::training(train::TrainConfig config, const std::string& group) const {
  Settings settings = model();
  config.learning_rate = config.rate_of(group);
  config.learning_rates.clear();
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
  add_training("train", config, settings);
  add_holdout(settings);
  return settings;
}

Settings StepSettings::expert(const std::string& name, bool reads) const {
  Settings settings = training(config_.train, name);
  if (reads) {
    add("knowledge", config_.knowledge, settings);
    if (config_.knowledge.rules == bundle::RuleSource::kSession) {
      erase(settings, {"knowledge.domain_rules"});
    }
  }
  return settings;
}

Settings StepSettings::router() const {
  Settings settings = model();
  add("augment", config_.augment, settings);
  add_training("router", config_.router, settings);
  erase(settings, {"prompt.max_tokens"});  // affects only what experts read besides titles
  if (config_.router.data != RouterData::kHoldout) {
    erase(settings, {"router.holdout"});
  }
  settings["train.seed"] = fmt::format("{}", config_.train.seed);  // for the order of items
  return settings;
}

Settings StepSettings::control(const std::string& name, bool alone) const {
  Settings settings = router();
  if (alone) {
    settings.merge(training(config_.train, name));
  }
  return settings;
}

Settings StepSettings::conflict() const {
  Settings settings = training(config_.train.likelihood_phase(), "merged");
  add("knowledge", config_.knowledge, settings);
  settings["watch.conflict"] = fmt::format("{}", config_.watch.conflict);
  return settings;
}

Settings StepSettings::probe() const {
  Settings settings = model();
  erase(settings, {"prompt.max_tokens"});
  settings["eval.split"] = name_of(config_.eval.split);
  settings["eval.limit"] = fmt::format("{}", config_.eval.limit);
  return settings;
}

/// Which sessions or examples are evaluated.
void StepSettings::add_evaluated(Settings& settings) const {
  if (experiment_.has_sessions()) {
    settings["eval.split"] = name_of(config_.eval.split);
  } else if (!config_.data.test_examples.empty()) {
    settings["data.test_contents"] = hex(experiment_.contents().test);
  }
  settings["eval.limit"] = fmt::format("{}", config_.eval.limit);
}

Settings StepSettings::answers(const std::string& system) const {
  Settings settings = model();
  erase(settings, {"prompt.max_tokens"});
  DecodeConfig decode = config_.decode;
  const DecodeConfig defaults;
  decode.select = defaults.select;
  decode.utility = defaults.utility;
  decode.expectation = defaults.expectation;
  decode.batch_sessions = defaults.batch_sessions;
  decode.samples = most_samples(config_);
  add("decode", decode, settings);
  if (decode.temperature == 0.0 && !is_permuted(system)) {  // that draws which session gets whose weights
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

Settings StepSettings::evaluation() const {
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
  return settings;
}

}  // namespace routedk::workflow
