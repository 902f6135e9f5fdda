#include "routedk/workflow/predict/chosen_model.h"

#include "routedk/core/config.h"
#include "routedk/core/error.h"
#include "routedk/core/input_file.h"
#include "routedk/workflow/experiment/experiment.h"
#include "routedk/workflow/experiment/threads.h"
#include "routedk/workflow/predict/mixture.h"
#include "routedk/workflow/predict/run_kit.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;

ChosenModel backbone_alone(std::shared_ptr<const model::Backbone> backbone) {
  return {
      experts::without_experts(std::move(backbone)), std::make_unique<experts::SingleExpertGate>(-1, 1), {}};
}

/// A run folder holds its steps as links, which a plain copy or a move leaves without what they name.
void check_link_ends(const fs::path& link) {
  if (fs::is_symlink(fs::symlink_status(link)) && !fs::exists(link)) {
    throw_<FileError>(
        "{} must link to a step in the store, but nothing is there: either another run has discarded the "
        "step (--from, --redo), then run this one again; or the folder was moved: copy it with `cp -rL`, "
        "which "
        "copies what its links name",
        link.string());
  }
}

/// A study's folder has its runs below it.
void check_is_run(const fs::path& run) {
  if (run.empty() || fs::exists(run / "config.yaml") || !fs::exists(run / "study.json")) {
    return;
  }
  std::vector<std::string> runs;
  for (const auto& entry : fs::directory_iterator(run)) {
    if (fs::exists(entry.path() / "config.yaml")) {
      runs.push_back(entry.path().string());
    }
  }
  std::sort(runs.begin(), runs.end());
  throw_<ConfigError>("--run must be the folder of one run, but {} is a study: choose one of {}",
                      run.string(), fmt::join(runs, ", "));
}

}  // namespace

ExperimentConfig settings_of(const ModelChoice& choice) {
  check_is_run(choice.run);
  ConfigSource source =
      choice.run.empty() ? ConfigSource::empty() : ConfigSource::from_file(choice.run / "config.yaml");
  if (const fs::path prompts = kit_prompts(choice.run); !choice.run.empty() && !prompts.empty()) {
    source.set("prompts=" + yaml_text(prompts.string()));
  }
  const ConfigNode* const section = source.root().find("model");
  const ConfigNode* const path = section == nullptr ? nullptr : section->find("path");
  const std::string of_run = path == nullptr ? "" : path->text;
  if (!choice.model.empty()) {
    source.set("model.path=" + yaml_text(choice.model.string()));
  }
  for (const std::string& assignment : choice.assignments) {
    source.set(assignment);
  }
  auto config = read_config<ExperimentConfig>(source);
  check_run_model(choice.run, config, !choice.model.empty() || config.model.path != of_run);
  set_threads(config.run.threads);
  return config;
}

std::vector<fs::path> adapter_folders(const ModelChoice& choice, const ExperimentConfig& config) {
  if (choice.run.empty()) {
    return choice.adapters;
  }
  std::vector<fs::path> folders;
  const bool one_is_enough = std::ranges::find(config.experts, choice.gate) != config.experts.end();
  for (const std::string& name : config.experts) {
    const fs::path folder = choice.run / "experts" / name;
    if (!one_is_enough || name == choice.gate || fs::exists(folder)) {
      folders.push_back(folder);
    }
  }
  return folders;
}

namespace {

/// The run's router; empty if there is none and none is needed to weigh one expert.
fs::path router_folder(const ModelChoice& choice, std::size_t experts) {
  const fs::path router = choice.run.empty() ? fs::path() : choice.run / "router";
  return experts == 1 && !fs::is_symlink(router) && !fs::exists(router) ? fs::path() : router;
}

/// The run's router must be whole, or absent where a single expert needs none.
void check_router(const ModelChoice& choice, const std::vector<std::string>& experts) {
  const fs::path router = router_folder(choice, experts.size());
  if (router.empty()) {
    return;
  }
  check_link_ends(router);
  if (!fs::exists(router)) {
    throw_<ConfigError>(
        "a run must have a router unless --gate says otherwise, but {} has none: give --gate "
        "average or one of {}",
        choice.run.string(), fmt::join(experts, ", "));
  }
  const InputFile there(router / "router_config.json");
}

}  // namespace

void check_folders(const ModelChoice& choice, const ExperimentConfig& config) {
  const std::vector<fs::path> folders = adapter_folders(choice, config);
  if (folders.empty() && !choice.gate.empty()) {
    throw_<ConfigError>("a gate must have experts to mix, but `{}` has none: give --run or --adapter",
                        choice.gate);
  }
  for (const fs::path& folder : folders) {
    check_link_ends(folder);
    if (!choice.run.empty() && !fs::exists(folder)) {
      throw_<ConfigError>(
          "a run must have the experts that are asked, but {} has no {}: train it, or name another with "
          "--gate",
          choice.run.string(), folder.filename().string());
    }
    const InputFile there(folder / "adapter_config.json");
  }
  std::vector<std::string> names(folders.size());
  std::transform(folders.begin(), folders.end(), names.begin(), folder_name);
  if (!choice.gate.empty()) {
    const experts::GateSpec spec = experts::parse_gate_spec(choice.gate);
    check_gate(spec, names);
    if (!choice.run.empty() && experts::takes_router(spec.kind) && !fs::exists(choice.run / "router")) {
      throw_<ConfigError>("the gate `{}` needs a router, but {} has none: it has {}", choice.gate,
                          choice.run.string(), fmt::join(names, ", "));
    }
  }
  if (!choice.run.empty() && choice.gate.empty()) {
    check_router(choice, names);
  }
}

ChosenModel load_chosen(const ModelChoice& choice, const ExperimentConfig& config) {
  const std::vector<fs::path> folders = adapter_folders(choice, config);
  check_folders(choice, config);
  warn_of_crowding();
  auto backbone = std::make_shared<const model::Backbone>(
      model::Backbone::load(config.model.path, load_options(config.model)));
  if (folders.empty()) {
    spdlog::info("no --run and no --adapter: the backbone {} answers without experts", config.model.path);
    return backbone_alone(std::move(backbone));
  }
  const fs::path router = router_folder(choice, folders.size());
  Mixture mixture = make_mixture(chosen_gate(choice.gate, static_cast<std::int64_t>(folders.size()), router),
                                 load_bank(folders, backbone->config()), backbone->config(), router);
  mixture.bank->freeze(*backbone);
  std::vector<std::string> names = names_of(*mixture.bank);
  return {{std::move(backbone), std::move(mixture.bank)}, std::move(mixture.gate), std::move(names)};
}

}  // namespace routedk::workflow
