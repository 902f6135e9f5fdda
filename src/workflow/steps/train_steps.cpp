#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/sha256.h"
#include "routedk/core/suggestion.h"
#include "routedk/experts/peft.h"
#include "routedk/io/jsonl.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/watch.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "phases.h"
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

void append(std::vector<train::Example>& all, std::vector<train::Example> more) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
}

/// New experts and their groups, each with the gate that assigns it every sequence.
struct NewBank {
  std::vector<std::shared_ptr<experts::Expert>> experts;
  std::vector<train::ParameterGroup> groups;
  GroupGates gates;
};

NewBank new_bank(const Experiment& experiment, const std::vector<std::string>& names,
                 const model::Backbone& backbone) {
  NewBank bank;
  const auto count = static_cast<std::int64_t>(names.size());
  for (const std::string& name : names) {
    const auto place = static_cast<int>(bank.experts.size());
    const auto gate = std::make_shared<experts::SingleExpertGate>(place, count);
    bank.experts.push_back(new_expert(name, experiment.config(), backbone.config()));
    bank.experts.back()->to(backbone.device());
    bank.groups.push_back({name, &bank.experts.back()->parameters(), gate, {}, expert_settings(experiment)});
    bank.gates[name] = gate;
  }
  return bank;
}

void save_experts(const Experiment& experiment, const NewBank& bank) {
  for (const auto& expert : bank.experts) {
    experts::save_peft(*expert, experiment.expert_folder(expert->name()), experiment.config().model.path);
  }
}

}  // namespace

std::filesystem::path checkpoints_of(const Experiment& experiment, const std::vector<StepId>& ids) {
  std::string keys;
  for (const StepId& id : ids) {
    keys += experiment.step(id).key;
  }
  constexpr std::size_t kDigits = 16;
  return experiment.step_folder(ids.front()) / "checkpoints" / sha256_hex(keys).substr(0, kDigits);
}

namespace {

/// Experts trained together have one metrics.jsonl, in the folder of the first: copies to each of the others
/// its own records.
void share_metrics(const Experiment& experiment, const std::vector<std::string>& names,
                   const std::filesystem::path& folder) {
  for (std::size_t i = 1; i < names.size(); ++i) {
    std::string own;
    io::read_jsonl(folder / "metrics.jsonl", [&](const io::Json& record, std::int64_t) {
      if (!record.contains("group") || record["group"] == names[i]) {
        own += record.dump() + "\n";
      }
    });
    write_file_atomic(experiment.step_folder({StepKind::kTrain, names[i]}) / "metrics.jsonl", own);
  }
}

/// Reads an adapter by the rules of load_peft, once for the same contents and model.
void check_adapter(const std::filesystem::path& adapter, const std::string& contents,
                   const std::filesystem::path& model) {
  static std::set<std::pair<std::string, std::filesystem::path>> known;
  if (!known.contains({contents, model})) {
    experts::load_peft(adapter, "adapter", model::WeightSource::open(model)->config());
    known.emplace(contents, model);
  }
}

/// A single expert has no router for which sessions would have to be withheld.
void say_what_is_withheld(const Experiment& experiment) {
  if (experiment.config().experts.size() == 1 && experiment.has_sessions() &&
      experiment.config().router.data == RouterData::kHoldout) {
    spdlog::info(
        "{} training sessions are withheld for a router, which a run of one expert does not have: "
        "router.data=train gives them to the expert",
        learning_sessions(experiment).router.size());
  }
}

/// Copies the adapter's files, which were checked, into its step.
void adopt_expert(Experiment& experiment, const std::string& name, const std::filesystem::path& adapter) {
  const StepId id{StepKind::kTrain, name};
  if (!begin_step(experiment, id)) {
    return;
  }
  if (experiment.world().first()) {
    FolderWriter writer(experiment.expert_folder(name));
    for (const char* file : {"adapter_config.json", "adapter_model.safetensors"}) {
      std::filesystem::copy_file(adapter / file, writer.path() / file);
    }
    writer.commit();
    spdlog::info("{}: taken from {}", to_string(id), adapter.string());
  }
  mark_done(experiment, {id});
}

}  // namespace

std::vector<std::string> experts_named(const ExperimentConfig& config, const std::string& name) {
  if (name == "all") {
    return config.experts;
  }
  if (std::find(config.experts.begin(), config.experts.end(), name) == config.experts.end()) {
    throw_<ConfigError>("--expert must be all or one of {}, but is `{}` instead{}",
                        fmt::join(config.experts, ", "), name, suggestion(name, config.experts));
  }
  return {name};
}

void require_adapters_fit(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  for (const AdapterConfig& adapter : c.adapters) {
    check_adapter(adapter.path, experiment.adapter_contents(adapter.name), c.model.path);
  }
  if (!c.lora.init_adapter.empty()) {
    check_adapter(c.lora.init_adapter, experiment.init_adapter(), c.model.path);
  }
}

void train_step(Experiment& experiment, const std::vector<std::string>& experts) {
  require_adapters_fit(experiment);
  if (std::any_of(experts.begin(), experts.end(), [&](const std::string& name) {
        return experiment.config().adapter_of(name) == nullptr &&
               !is_done(experiment, {StepKind::kTrain, name});
      })) {
    require_data_within(experiment);
  }
  std::vector<std::string> names;
  std::vector<StepId> ids;
  for (const std::string& name : experts) {
    const StepId id{StepKind::kTrain, name};
    if (const std::string* adapter = experiment.config().adapter_of(name); adapter != nullptr) {
      adopt_expert(experiment, name, *adapter);
      continue;
    }
    for (const StepId& input : experiment.step(id).inputs) {
      require_done(experiment, input, "routedk-distill");
    }
    if (begin_step(experiment, id)) {
      names.push_back(name);
      ids.push_back(id);
    }
  }
  if (names.empty()) {
    return;
  }
  say_what_is_withheld(experiment);
  const auto backbone = experiment.backbone();
  const NewBank bank = new_bank(experiment, names, *backbone);
  const experts::RoutedModel model(backbone, std::make_shared<experts::ExpertBank>(bank.experts));
  const std::filesystem::path folder = experiment.step_folder(ids.front());
  Phases phases{experiment,  "train",
                folder,      checkpoints_of(experiment, ids),
                model,       experiment.config().train,
                bank.groups, bank.gates,
                {},          {}};
  std::vector<train::Example> training;
  std::vector<train::Example> raw;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const int group = static_cast<int>(i);
    InputCounts counts;
    append(training, expert_examples(experiment, names[i], group, &counts));
    if (experiment.has_sessions() && experiment.world().first()) {
      record_inputs(experiment, names[i], counts);
    }
    append(phases.validation, validation_examples(experiment, names[i], group));
    if (phases.by_utility()) {
      append(raw, raw_expert_examples(experiment, names[i], group));
    }
  }
  phases.watch = watch_answers(experiment, model, bank.gates);
  phases.run(std::move(training), shuffled_items(experiment, names), std::move(raw));
  if (experiment.world().first()) {
    save_experts(experiment, bank);
    share_metrics(experiment, names, folder);
  }
  mark_done(experiment, ids);
}

void require_several_experts(const ExperimentConfig& config) {
  if (config.experts.size() < 2) {
    throw_<ConfigError>("a router must have 2 experts or more to weigh, but `experts` has {} alone",
                        config.experts.front());
  }
}

void router_step(Experiment& experiment) {
  const StepId id{StepKind::kRouter};
  require_several_experts(experiment.config());
  for (const std::string& expert : experiment.config().experts) {
    if (experiment.config().adapter_of(expert) != nullptr) {
      train_step(experiment, {expert});
    }
  }
  for (const StepId& input : experiment.step(id).inputs) {
    require_done(experiment, input, "routedk-train");
  }
  if (!begin_step(experiment, id)) {
    return;
  }
  train_router(experiment, experiment.routed_model(), "router", experiment.step_folder(id),
               experiment.router_folder());
  mark_done(experiment, {id});
}

}  // namespace routedk::workflow
