#include "routedk/workflow/experiment/experiment_config.h"

#include "routedk/bundle/baselines.h"
#include "routedk/core/config.h"
#include "routedk/core/error.h"
#include "routedk/core/shipped.h"
#include "routedk/core/suggestion.h"
#include "routedk/experts/gate_spec.h"
#include "routedk/workflow/experiment/experiment.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace routedk::workflow {

namespace {

using Names = std::vector<std::string>;

bool has(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <typename T>
void check_different(const char* field, const char* noun, const std::vector<T>& list, Names& problems) {
  std::set<T> seen;
  const auto repeated =
      std::find_if(list.begin(), list.end(), [&](const T& one) { return !seen.insert(one).second; });
  if (repeated != list.end()) {
    problems.push_back(fmt::format("`{}` must name each {} once, but repeats `{}`.", field, noun,
                                   displayed(yaml_scalar(*repeated))));
  }
}

bool is_word(const std::string& name) {
  return !name.empty() && name != "all" && name.find_first_of("/+ \n") == std::string::npos;
}

/// Whether an evaluation takes the name for something else than an expert, as `average`.
bool is_system(const std::string& name) {
  if (std::ranges::find(bundle::kBaselineNames, name) != std::end(bundle::kBaselineNames)) {
    return true;
  }
  try {
    return experts::parse_gate_spec(name).kind != experts::GateKind::kNamed;
  } catch (const ConfigError&) {
    return true;  // begins as one
  }
}

/// Names of adapters are often those of their folders; the messages say how to give others.
void check_adapter_names(const std::vector<AdapterConfig>& adapters, Names& problems) {
  std::map<std::string, std::string> paths;
  for (const AdapterConfig& adapter : adapters) {
    if (!is_word(adapter.name)) {
      problems.push_back(fmt::format(
          "`adapters` must have names that are words without /, + and spaces and not `all`, but has `{}` "
          "instead: name it, as in --adapters 'NAME={}'.",
          adapter.name, adapter.path));
    } else if (const auto [other, fresh] = paths.emplace(adapter.name, adapter.path); !fresh) {
      problems.push_back(fmt::format(
          "`adapters` must name each expert once, but has `{}` for {} and for {}: name one, as in --adapters "
          "'NAME={}'.",
          adapter.name, other->second, adapter.path, adapter.path));
    }
  }
}

void check_experts(const ExperimentConfig& config, Names& problems) {
  const Names& experts = config.experts;
  if (experts.empty()) {
    problems.emplace_back("`experts` must name at least 1 expert, but names 0 instead.");
  }
  check_different("experts", "expert", experts, problems);
  check_different("prompt.relations", "relation", config.prompt.relations, problems);
  static const Names kBundle = {"base", "high_level", "fine_grained", "merged"};
  for (const std::string& name : experts) {
    if (config.data.examples.empty() && !has(kBundle, name) && config.adapter_of(name) == nullptr) {
      problems.push_back(fmt::format(
          "`experts` must be among {} unless data.examples or adapters say otherwise, but has `{}` instead{}",
          fmt::join(kBundle, ", "), name, suggestion(name, kBundle)));
    } else if (!is_word(name)) {
      problems.push_back(fmt::format(
          "`experts` must be words without /, + and spaces and not `all`, but has `{}` instead.", name));
    } else if (is_system(name)) {
      problems.push_back(fmt::format(
          "`experts` must not be named as other systems of an evaluation are, but has `{}`.", name));
    }
  }
}

void check_adapters(const ExperimentConfig& config, Names& problems) {
  for (const AdapterConfig& adapter : config.adapters) {
    if (!has(config.experts, adapter.name)) {
      problems.push_back(fmt::format("`adapters` must name experts among {}, but has `{}` instead.",
                                     fmt::join(config.experts, ", "), adapter.name));
    } else if (adapter.path.empty()) {
      problems.push_back(
          fmt::format("`adapters` must have a path for each, but that of `{}` is empty.", adapter.name));
    }
  }
}

/// Whether a system uses a router over the run's experts.
bool needs_router(experts::GateKind kind) {
  return experts::takes_router(kind) || kind == experts::GateKind::kRandomExperts ||
         kind == experts::GateKind::kPermuted;
}

bool is_without_sessions(experts::GateKind kind) {
  return !experts::needs_no_model(kind) && kind != experts::GateKind::kPermuted;
}

/// The error of a system's name by the grammar; "" if valid. A bare name must be an expert's. `are_meant`:
/// the kinds to list, as for gate_forms.
std::string system_problem(const std::string& system, const Names& experts,
                           bool (*are_meant)(experts::GateKind)) {
  try {
    const auto spec = experts::parse_gate_spec(system);
    if (needs_router(spec.kind) && experts.size() < 2) {
      return fmt::format(
          "must not have `{}`, which needs a router: with {} as the only expert there is nothing to route.",
          system, experts.front());
    }
    if (spec.kind != experts::GateKind::kNamed || has(experts, spec.name)) {
      return "";
    }
    Names known = experts::gate_words();
    known.insert(known.begin(), experts.begin(), experts.end());
    return fmt::format("must be a name in `experts`, {}, or empty for all that fit, but has `{}` instead{}",
                       experts::gate_forms(are_meant), system, suggestion(system, known));
  } catch (const ConfigError& error) {
    return fmt::format("must be possible: {}.", error.what());
  }
}

void check_systems(const ExperimentConfig& config, Names& problems) {
  if (config.experts.empty()) {
    return;
  }
  bool (*const are_meant)(experts::GateKind) = config.data.examples.empty() ? nullptr : &is_without_sessions;
  for (const std::string& system : config.eval.systems) {
    if (const std::string problem = system_problem(system, config.experts, are_meant); !problem.empty()) {
      problems.push_back("`eval.systems` " + problem);
    }
  }
  if (const std::string& name = config.eval.name;
      !name.empty() && (name.front() == '.' || file_word(name) != name)) {
    problems.push_back(fmt::format(
        "`eval.name` must be a word of letters, digits, _, - and dots, but is `{}` instead.", name));
  }
  check_different("eval.systems", "system", config.eval.systems, problems);
  check_different("eval.select", "rule", config.eval.select, problems);
  check_different("eval.utility", "utility", config.eval.utility, problems);
  check_different("eval.expectation", "expectation", config.eval.expectation, problems);
  check_different("eval.samples", "number", config.eval.samples, problems);
}

/// Whether a system works on bundle sessions only.
bool needs_sessions(const std::string& system) {
  try {
    return !is_without_sessions(experts::parse_gate_spec(system).kind);
  } catch (const ConfigError&) {
    return false;  // already reported
  }
}

void check_vote(const char* field, eval::SelectRule rule, Names& problems) {
  if (rule != eval::SelectRule::kVote) {
    problems.push_back(
        fmt::format("`{}` must be vote with data.examples, whose answers are texts, but is {} instead.",
                    field, name_of(rule)));
  }
}

/// Adds what an evaluation on the user's own examples does not support.
void check_task(const ExperimentConfig& config, Names& problems) {
  const DataConfig& data = config.data;
  if (data.examples.empty()) {
    for (const auto& [field, file] : {std::pair("validation_examples", &data.validation_examples),
                                      std::pair("test_examples", &data.test_examples)}) {
      if (!file->empty()) {
        problems.push_back(
            fmt::format("`data.{}` must be empty without data.examples, but is {} instead.", field, *file));
      }
    }
    return;
  }
  if (!data.with.empty()) {
    problems.push_back(fmt::format("`data.with` must be empty with data.examples, but is [{}] instead.",
                                   fmt::join(data.with, ", ")));
  }
  for (const std::string& system : config.eval.systems) {
    if (needs_sessions(system)) {
      problems.push_back(
          fmt::format("`eval.systems` must not have `{}` with data.examples: it needs bundle data.", system));
    }
  }
  check_vote("decode.select", config.decode.select, problems);
  for (const eval::SelectRule rule : config.eval.select) {
    check_vote("eval.select", rule, problems);
  }
}

void check_rates(const Names& groups, const std::vector<train::GroupRate>& rates, const char* where,
                 Names& problems) {
  for (const train::GroupRate& rate : rates) {
    if (!has(groups, rate.group)) {
      problems.push_back(fmt::format("`{}.learning_rates` must be for {}, but names `{}` instead.", where,
                                     fmt::join(groups, ", "), rate.group));
    }
  }
}

/// Checks what training by expected utility requires of the data. It samples under the automaton, regardless
/// of how answers are decoded.
void check_objective(const ExperimentConfig& config, const train::TrainConfig& training, const char* where,
                     Names& problems) {
  if (training.objective == train::ObjectiveKind::kLikelihood) {
    return;
  }
  const train::TrainUtility utility = training.expected_utility.utility;
  const bool of_bundles = utility != train::TrainUtility::kExact && utility != train::TrainUtility::kRougeL;
  if (config.data.examples.empty() ? !of_bundles : of_bundles) {
    problems.push_back(fmt::format("`{}.expected_utility.utility` must be {}, but is {} instead.", where,
                                   config.data.examples.empty() ? "f1, jaccard_f1 or mean on bundle data"
                                                                : "exact or rouge_l with data.examples",
                                   name_of(utility)));
  }
}

}  // namespace

std::string SystemPath::seen_from(const std::filesystem::path& folder, const std::string& system) {
  for (const std::string_view form : {"router:", "predictions:"}) {
    if (system.starts_with(form)) {
      return std::string(form) + InputPath::seen_from(folder, system.substr(form.size()));
    }
  }
  return system;
}

std::string adapters_assignment(const std::vector<std::string>& folders) {
  Names items;
  for (const std::string& given : folders) {
    const std::size_t equals = given.find('=');
    const bool named = equals != std::string::npos && given.find('/') > equals;
    const std::string path = named ? given.substr(equals + 1) : given;
    const std::filesystem::path folder = std::filesystem::absolute(path).lexically_normal();
    const std::string own = (folder.has_filename() ? folder : folder.parent_path()).filename().string();
    items.push_back(fmt::format("{{name: {}, path: {}}}", yaml_text(named ? given.substr(0, equals) : own),
                                yaml_text(path)));
  }
  return fmt::format("adapters=[{}]", fmt::join(items, ", "));
}

const std::string* ExperimentConfig::adapter_of(const std::string& expert) const {
  const auto at = std::find_if(adapters.begin(), adapters.end(),
                               [&](const AdapterConfig& adapter) { return adapter.name == expert; });
  return at == adapters.end() ? nullptr : &at->path;
}

void ExperimentConfig::complete() {
  if (experts.empty()) {
    std::transform(adapters.begin(), adapters.end(), std::back_inserter(experts),
                   [](const AdapterConfig& adapter) { return adapter.name; });
  }
  if (experts.empty()) {
    experts = {"base", "high_level", "fine_grained"};
  }
  if (eval.systems.empty()) {
    eval.systems = {"backbone"};
    eval.systems.insert(eval.systems.end(), experts.begin(), experts.end());
    if (experts.size() > 1) {
      eval.systems.insert(eval.systems.end(), {"average", std::string(name_of(router.kind))});
    }
  }
  std::ranges::sort(lora.targets);  // the order changes no number
  if (prompts.empty()) {
    prompts = shipped("configs/prompts").string();
  }
  if (model.path == kSmallModel && !std::filesystem::exists(kSmallModel)) {
    if (const std::filesystem::path there = shipped(kSmallModel); !there.empty()) {
      model.path = there.string();
    }
  }
}

void ExperimentConfig::validate(std::vector<std::string>& problems) const {
  check_adapter_names(adapters, problems);
  if (problems.empty()) {
    check_experts(*this, problems);
  }
  if (!problems.empty()) {
    return;  // the checks below would repeat the same problem for each system and group
  }
  if (model.path.empty()) {
    problems.emplace_back("`model.path` must be a GGUF file or a model's folder, but is empty.");
  }
  if (lora.targets.empty()) {
    problems.emplace_back("`lora.targets` must name at least 1 linear, but names 0 instead.");
  }
  check_different("lora.targets", "linear", lora.targets, problems);
  check_adapters(*this, problems);
  check_systems(*this, problems);
  check_different("data.with", "domain", data.with, problems);
  check_task(*this, problems);
  check_rates(experts, train.learning_rates, "train", problems);
  check_rates({"router"}, router.learning_rates, "router", problems);
  check_objective(*this, train, "train", problems);
  check_objective(*this, router, "router", problems);
  if (watch.probe && experts.size() < 2) {
    problems.push_back(fmt::format("`watch.probe` must be false where a single expert ({}) has no router.",
                                   fmt::join(experts, ", ")));
  }
  if (router.top_k > static_cast<std::int64_t>(experts.size())) {
    problems.push_back(fmt::format("`router.top_k` must be at most the {} experts, but is {} instead.",
                                   experts.size(), router.top_k));
  }
  if (router.kind == experts::RouterKind::kStatic && router.pool_norm != experts::PoolNorm::kNone) {
    problems.push_back(fmt::format(
        "`router.pool_norm` must be none for a static router, which pools nothing, but is {} instead.",
        name_of(router.pool_norm)));
  }
  if (augment.shuffle_items && thoughts.mentions == distill::Mentions::kNumbers) {
    problems.emplace_back(
        "`augment.shuffle_items` must be false where thoughts mention product numbers, but is true instead.");
  }
}

namespace {

void add_names(const ConfigNode& node, const std::string& name, Names& names) {
  if (node.kind != ConfigNode::Kind::kMap || node.children.empty()) {
    names.push_back(name);
    return;
  }
  for (const ConfigNode& member : node.children) {
    add_names(member, name.empty() ? member.name : name + "." + member.name, names);
  }
}

}  // namespace

std::vector<std::string> setting_names() {
  Names names;
  add_names(ConfigSource::from_string(dump_config(ExperimentConfig{}), "the defaults").root(), "", names);
  return names;
}

}  // namespace routedk::workflow
