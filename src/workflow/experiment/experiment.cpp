#include "routedk/workflow/experiment/experiment.h"

#include "routedk/core/command_line.h"
#include "routedk/core/config.h"
#include "routedk/core/config_paths.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/memory.h"
#include "routedk/core/random.h"
#include "routedk/io/jsonl.h"
#include "routedk/kernels/cpu/capability.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/experiment/session_data.h"
#include "routedk/workflow/experiment/threads.h"
#include "routedk/workflow/predict/mixture.h"
#include "routedk/workflow/predict/run_kit.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <iterator>
#include <optional>

#include "contents.h"
#include <ATen/Parallel.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <torch/version.h>

namespace routedk::workflow {
namespace {

std::shared_ptr<const bundle::ItemRelations> relations_of(const PromptConfig& settings,
                                                          const bundle::Dataset& data,
                                                          const bundle::Split& split) {
  if (settings.relations.empty()) {
    return nullptr;
  }
  const bundle::RelationOptions options{settings.relations, settings.relation_pairs, settings.min_similarity};
  return std::make_shared<const bundle::ItemRelations>(split.train, bundle::TfIdf(data.titles), options);
}

bundle::PromptTemplates templates_of(const ExperimentConfig& config, const bundle::Dataset& data,
                                     const bundle::Split& split) {
  if (!config.data.examples.empty()) {
    return {};
  }
  return read_for("prompts", [&] {
    return bundle::PromptTemplates::load(config.prompts, relations_of(config.prompt, data, split));
  });
}

bundle::SessionEncoder encoder_of(const ModelConfig& model) {
  return read_for(model.chat.empty() ? "model.path" : "model.path, model.chat",
                  [&] { return bundle::SessionEncoder::load(model.path, model.chat); });
}

std::shared_ptr<const bundle::WorkedExamples> worked_examples_of(const PromptConfig& settings,
                                                                 const bundle::Dataset& data,
                                                                 const bundle::Split& split) {
  if (settings.examples == 0) {
    return nullptr;
  }
  return std::make_shared<const bundle::WorkedExamples>(split.train, bundle::TfIdf(data.titles),
                                                        settings.examples, settings.choose_examples);
}

constexpr const char* kSettingsFile = "config.yaml";

std::string absolute_data_folder(const ExperimentConfig& config) {
  return std::filesystem::absolute(data_folder(config.data.dir)).lexically_normal().string();
}

/// How a run evaluates is what it says without a name: an evaluation with a name leaves that as it was.
void keep_evaluation_of(const std::filesystem::path& file, ExperimentConfig& config) {
  if (std::filesystem::exists(file)) {
    try {
      const auto before = read_config<ExperimentConfig>(ConfigSource::from_file(file));
      config.eval = before.eval;
      config.decode = before.decode;
      config.predict = before.predict;
      config.data.test_examples = before.data.test_examples;
    } catch (const UserError& error) {
      spdlog::warn("how the run evaluates is no longer known: {}", error.what());
    }
  }
  config.eval.name.clear();
}

/// Throws a ConfigError if a step that is needed learns from sessions, but the split leaves none for
/// training.
void require_sessions_to_learn(const Experiment& experiment) {
  if (!experiment.has_sessions() || !experiment.split().train.empty()) {
    return;
  }
  const ExperimentConfig& c = experiment.config();
  const auto learns = [&](const Step* step) {
    const bool trained = step->id.kind == StepKind::kTrain && c.adapter_of(step->id.name) == nullptr;
    return trained || step->id.kind == StepKind::kRouter || step->id.kind == StepKind::kControls;
  };
  const auto needed = needed_steps(experiment.steps());
  const auto at = std::find_if(needed.begin(), needed.end(), learns);
  if (at != needed.end()) {
    const bundle::SplitCounts counts = split_counts(c.split, data_folder(c.data.dir));
    throw_<ConfigError>(
        "the split must leave at least 1 training session for {}, but of {} with bundles {} are for tests "
        "and {} for validation: lower split.test_per_length ({}) and split.val_per_length ({})",
        to_string((*at)->id), experiment.dataset().sessions.size(), experiment.split().test.size(),
        experiment.split().val.size(), counts.test_per_length, counts.val_per_length);
  }
}

/// The folder of one of `adapters` or, where that is gone, the run's copy of it.
std::filesystem::path adapter_folder(const AdapterConfig& adapter, const std::filesystem::path& run) {
  std::filesystem::path copy = run / "experts" / adapter.name;
  if (std::filesystem::exists(adapter.path) || !std::filesystem::exists(copy)) {
    return adapter.path;
  }
  spdlog::warn("the adapter {} is gone: {} takes the run's copy", adapter.path, adapter.name);
  return copy;
}

/// Throws a ConfigError if new experts have a higher rank than any matrix of the model: each has the hidden
/// size on one side.
void require_rank_of_model(const ExperimentConfig& config) {
  const bool makes_experts =
      config.lora.init_adapter.empty() &&
      std::any_of(config.experts.begin(), config.experts.end(),
                  [&](const std::string& name) { return config.adapter_of(name) == nullptr; });
  if (!makes_experts) {
    return;
  }
  const std::int64_t hidden =
      read_for("model.path", [&] { return model::WeightSource::open(config.model.path)->config().hidden; });
  if (config.lora.rank > hidden) {
    throw_<ConfigError>("`lora.rank` must be at most {}, the model's hidden size, but is {} instead.", hidden,
                        config.lora.rank);
  }
}

ExperimentConfig completed(ExperimentConfig config) {
  config.complete();
  config.run.dir = run_folder(config);
  return config;
}

io::Json versions(kernels::Precision precision) {
  return {{"routedk", ROUTEDK_VERSION},
          {"libtorch", TORCH_VERSION},
          {"compiler", __VERSION__},
          {"threads", at::get_num_threads()},
          {"machine", kernels::cpu::cpu_name()},
          {"cpu", at::get_cpu_capability()},
          {"nf4_kernel", name_of(kernels::cpu::cpu_isa())},
          {"dtype", name_of(precision)}};
}

}  // namespace

std::string file_word(const std::string& name) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
  };
  std::string word = name;
  std::replace_if(
      word.begin(), word.end(), [&](char c) { return !plain(c); }, '_');
  return word == name ? name : fmt::format("{}-{:08x}", word.substr(0, 100), hash64(name) & 0xFFFFFFFFU);
}

std::string run_folder(const ExperimentConfig& config) {
  const DataConfig& data = config.data;
  if (!config.run.dir.empty()) {
    return without_slash(config.run.dir);
  }
  if (!data.examples.empty()) {
    return fmt::format("runs/{}", std::filesystem::path(data.examples).stem().string());
  }
  const auto folder = std::filesystem::weakly_canonical(data_folder(data.dir)).filename();
  std::vector<std::string> domains = data.others();
  domains.insert(domains.begin(), data.domain);
  return fmt::format("runs/{}-{}", folder.string(), fmt::join(domains, "+"));
}

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

std::filesystem::path store_folder(const ExperimentConfig& config) {
  return config.run.store.empty() ? std::filesystem::path(run_folder(config)).parent_path() / "store"
                                  : std::filesystem::path(config.run.store);
}

Experiment::Experiment(ExperimentConfig config, Place place)
    : place_(std::move(place)),
      config_(completed(std::move(config))),
      load_options_(workflow::load_options(config_.model)),
      dataset_(dataset_of(config_)),
      split_(split_of(config_, dataset_)),
      templates_(templates_of(config_, dataset_, split_)),
      encoder_(encoder_of(config_.model)),
      task_(load_task(config_, encoder_)),
      store_(store_folder(config_)) {
  if (has_sessions()) {
    templates_.show(worked_examples_of(config_.prompt, dataset_, split_));
  } else if (!place_.shard.whole()) {
    throw_<ConfigError>("--shard must be used with sessions, but `data.examples` is {}: omit it",
                        config_.data.examples);
  }
  contents_ = contents_of(config_);
  init_adapter_ = read_for("lora.init_adapter", [&] { return hash_adapter(config_.lora.init_adapter); });
  for (AdapterConfig& adapter : config_.adapters) {
    adapter.path = adapter_folder(adapter, folder()).string();
    adapters_[adapter.name] = read_for("adapters", [&] { return hash_adapter(adapter.path); });
  }
  require_sessions_to_learn(*this);
  require_rank_of_model(config_);
  set_threads(config_.run.threads);
}

bool Experiment::leaky_categories() const {
  const auto& shown = config_.prompt.relations;
  const auto lacks_category = [](const bundle::Session& session) {
    return std::any_of(session.items.begin(), session.items.end(),
                       [](const bundle::Item& item) { return item.category.empty(); });
  };
  const auto shows_categories = [](bundle::Relation relation) {
    return relation != bundle::Relation::kTitleSimilarity && relation != bundle::Relation::kCoPurchase;
  };
  return std::any_of(shown.begin(), shown.end(), shows_categories) &&
         std::any_of(dataset_.sessions.begin(), dataset_.sessions.end(), lacks_category);
}

const std::vector<Step>& Experiment::steps() const {
  if (steps_.empty()) {
    steps_ = steps_of(*this);
  }
  return steps_;
}

const Step& Experiment::step(const StepId& id) const {
  const auto& all = steps();
  const auto at = std::find_if(all.begin(), all.end(), [&](const Step& step) { return step.id == id; });
  if (at == all.end()) {
    throw_<Error>("a step must be one of the experiment's, but {} is not", to_string(id));
  }
  return *at;
}

bool Experiment::open_step(const StepId& id) {
  if (open_.contains(id)) {
    return true;
  }
  auto lock = store_.open(step(id));
  if (lock == nullptr) {
    return false;
  }
  open_[id] = {std::move(lock), std::chrono::steady_clock::now()};
  record_settings();
  link_step(id);
  return true;
}

void Experiment::warn_of_other_data() const {
  const std::filesystem::path file = folder() / kSettingsFile;
  if (!has_sessions() || !config_.data.dir.empty() || !std::filesystem::exists(file)) {
    return;
  }
  const std::string now = absolute_data_folder(config_);
  const ConfigSource source = ConfigSource::from_file(file);
  const ConfigNode* const data = source.root().find("data");
  const ConfigNode* const dir = data == nullptr ? nullptr : data->find("dir");
  if (dir != nullptr && dir->text != now) {
    spdlog::warn("the run in {} used the data of {}; data.dir is not set, so it now uses those of {}",
                 folder().string(), dir->text, now);
  }
}

void Experiment::record_settings() const {
  std::filesystem::create_directories(folder());
  ExperimentConfig config = with_paths_from(std::filesystem::current_path(), config_);
  config.run.dir = std::filesystem::absolute(folder()).lexically_normal().string();
  config.run.store = std::filesystem::absolute(store_.path()).lexically_normal().string();
  for (AdapterConfig& adapter : config.adapters) {  // the run goes on with its copies
    if (const auto copy = folder() / "experts" / adapter.name; std::filesystem::exists(copy)) {
      adapter.path = std::filesystem::absolute(copy).lexically_normal().string();
    }
  }
  if (has_sessions()) {
    config.data.dir = absolute_data_folder(config_);
    warn_of_other_data();
  }
  if (const std::filesystem::path evaluation = evaluation_folder(config_); !evaluation.empty()) {
    std::filesystem::create_directories(folder() / evaluation);
    write_file_atomic(folder() / evaluation / kSettingsFile, dump_config(config), Readers::kOwner);
    keep_evaluation_of(folder() / kSettingsFile, config);
  }
  write_file_atomic(folder() / kSettingsFile, dump_config(config), Readers::kOwner);
  write_run_kit(*this);
  io::write_json(folder() / "versions.json", versions(load_options_.precision));
}

void Experiment::close_steps(const std::vector<StepId>& ids, double gpu_mib) {
  for (const StepId& id : ids) {
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - open_.at(id).begun;
    store_.close(step(id), {{"seconds", seconds.count() / static_cast<double>(ids.size())},
                            {"work", work_of(*this, id)},
                            {"peak_memory_mib", peak_memory_mib()},
                            {"peak_gpu_mib", gpu_mib},
                            {"command", command_line()},
                            {"versions", versions(load_options_.precision)}});
  }
  for (const StepId& id : ids) {
    open_.erase(id);
  }
}

std::shared_ptr<const model::Backbone> Experiment::backbone() {
  static std::map<std::string, std::weak_ptr<const model::Backbone>> loaded;  // by its settings
  if (backbone_ == nullptr) {
    auto& shared = loaded[dump_config(config_.model)];
    backbone_ = shared.lock();
    if (backbone_ == nullptr) {
      warn_of_crowding();
      backbone_ =
          std::make_shared<const model::Backbone>(model::Backbone::load(config_.model.path, load_options_));
      shared = backbone_;
      spdlog::info("backbone {}: {:.0f} MiB, products in {} on {}", config_.model.path,
                   static_cast<double>(backbone_->bytes()) / (1 << 20), name_of(load_options_.precision),
                   load_options_.device.str());
    }
  }
  return backbone_;
}

std::vector<std::filesystem::path> Experiment::expert_folders() const {
  std::vector<std::filesystem::path> folders;
  std::transform(config_.experts.begin(), config_.experts.end(), std::back_inserter(folders),
                 [this](const std::string& name) { return expert_folder(name); });
  return folders;
}

experts::RoutedModel Experiment::routed_model() {
  const auto bank = load_bank(expert_folders(), backbone()->config());
  bank->freeze(*backbone());
  return {backbone(), bank};
}

}  // namespace routedk::workflow
