#include "routedk/workflow/experiment/experiment.h"

#include "routedk/core/config.h"
#include "routedk/core/files.h"
#include "routedk/core/random.h"
#include "routedk/io/jsonl.h"
#include "routedk/io/mapped_file.h"
#include "routedk/kernels/cpu/capability.h"
#include "routedk/workflow/experiment/threads.h"
#include "routedk/workflow/predict/mixture.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iterator>

#include <ATen/Parallel.h>
#include <spdlog/spdlog.h>
#include <torch/version.h>

namespace routedk::workflow {
namespace {

bundle::Dataset dataset_of(const DataConfig& data) {
  if (!data.examples.empty()) {
    return {};
  }
  return bundle::load_dataset({data_folder(data.dir), data.domain, data.untitled});
}

bundle::Split split_of(const ExperimentConfig& config, const bundle::Dataset& dataset) {
  if (!config.data.examples.empty()) {
    return {};
  }
  bundle::Split split =
      bundle::split_sessions(dataset.sessions, split_counts(config.split, data_folder(config.data.dir)));
  split.train = bundle::evenly_spread(split.train, config.split.train_limit);
  return split;
}

std::shared_ptr<const bundle::ItemRelations> relations_of(const PromptConfig& settings,
                                                          const bundle::Dataset& data,
                                                          const bundle::Split& split) {
  if (settings.relations.empty()) {
    return nullptr;
  }
  const bundle::RelationOptions options{settings.relations, settings.relation_pairs, settings.min_similarity};
  return std::make_shared<const bundle::ItemRelations>(split.train, bundle::TfIdf(data.titles), options);
}

constexpr std::uint64_t kMostHashedBytes = 16ULL << 30U;

/// Of a file's bytes, read where they lie: examples and adapters may be large.
std::uint64_t hash_of_file(const std::filesystem::path& path) {
  InputFile(path).require_at_most(kMostHashedBytes);
  const auto file = io::MappedFile::open(path);
  return hash64({reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()});
}

/// Names and contents of a folder's files.
std::uint64_t hash_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::uint64_t hash = 0;
  for (const auto& file : files) {
    hash = mix64(hash ^ hash64(file.filename().string()) ^ mix64(hash_of_file(file)));
  }
  return hash;
}

/// A GGUF file's size, or that of all files of a model folder.
std::uintmax_t model_bytes(const std::filesystem::path& model) {
  if (!std::filesystem::is_directory(model)) {
    return std::filesystem::file_size(model);
  }
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(model)) {
    bytes += entry.is_regular_file() ? entry.file_size() : 0;
  }
  return bytes;
}

/// Contents of the user's own examples.
std::uint64_t hash_examples(const DataConfig& data) {
  const std::uint64_t training = hash_of_file(data.examples);
  return mix64(training ^
               (data.validation_examples.empty() ? 0 : mix64(hash_of_file(data.validation_examples))));
}

std::uint64_t hash_inputs(const ExperimentConfig& config) {
  if (!config.data.examples.empty()) {
    return mix64(hash_examples(config.data) ^ mix64(mix64(model_bytes(config.model.path))));
  }
  const std::uint64_t data = hash_files(data_folder(config.data.dir) / config.data.domain);
  return mix64(data ^ mix64(hash_files(config.prompts)) ^ mix64(mix64(model_bytes(config.model.path))));
}

/// Contents of a PEFT folder, but not its place.
std::string hash_adapter(const std::filesystem::path& folder) {
  if (folder.empty()) {
    return "";
  }
  const std::uint64_t config = hash_of_file(folder / "adapter_config.json");
  return fmt::format("{:016x}", mix64(config ^ mix64(hash_of_file(folder / "adapter_model.safetensors"))));
}

io::Json versions(kernels::Precision precision) {
  return {{"routedk", ROUTEDK_VERSION},      {"libtorch", TORCH_VERSION},
          {"compiler", __VERSION__},         {"threads", at::get_num_threads()},
          {"cpu", at::get_cpu_capability()}, {"nf4_kernel", name_of(kernels::cpu::cpu_isa())},
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

std::filesystem::path data_folder(const std::string& given) {
  if (!given.empty()) {
    return given;
  }
  const char* set = std::getenv("ROUTEDK_DATA_DIR");
  return set != nullptr && *set != '\0' ? set : "data/sample";
}

std::string run_folder(const ExperimentConfig& config) {
  const DataConfig& data = config.data;
  if (!config.run.dir.empty()) {
    return config.run.dir;
  }
  if (!data.examples.empty()) {
    return fmt::format("runs/{}", std::filesystem::path(data.examples).stem().string());
  }
  const auto folder = std::filesystem::weakly_canonical(data_folder(data.dir)).filename();
  return fmt::format("runs/{}-{}", folder.string(), data.domain);
}

bundle::SplitCounts split_counts(const SplitConfig& settings, const std::filesystem::path& data) {
  bundle::SplitCounts counts = bundle::default_split_counts(data);
  counts.test_per_length = settings.test_per_length.value_or(counts.test_per_length);
  counts.val_per_length = settings.val_per_length.value_or(counts.val_per_length);
  return counts;
}

Experiment::Experiment(ExperimentConfig config)
    : config_(std::move(config)),
      load_options_(load_options(config_.model)),
      dataset_(dataset_of(config_.data)),
      split_(split_of(config_, dataset_)),
      templates_(has_sessions() ? bundle::PromptTemplates::load(
                                      config_.prompts, relations_of(config_.prompt, dataset_, split_))
                                : bundle::PromptTemplates()),
      encoder_(bundle::SessionEncoder::load(config_.model.path)) {
  inputs_ = hash_inputs(config_);
  init_adapter_ = hash_adapter(config_.lora.init_adapter);
  config_.run.dir = run_folder(config_);
  set_threads(config_.run.threads);
}

bool Experiment::leaky_categories() const {
  const auto& shown = config_.prompt.relations;
  const auto lacks_category = [](const bundle::Session& session) {
    return std::any_of(session.items.begin(), session.items.end(),
                       [](const bundle::Item& item) { return item.category.empty(); });
  };
  return std::find(shown.begin(), shown.end(), bundle::Relation::kCategories) != shown.end() &&
         std::any_of(dataset_.sessions.begin(), dataset_.sessions.end(), lacks_category);
}

RunFolder& Experiment::run() {
  if (run_ == nullptr) {
    run_ = std::make_unique<RunFolder>(folder());
  }
  return *run_;
}

void Experiment::record_settings() {
  write_file_atomic(folder() / "config.yaml", dump_config(config_), Readers::kOwner);
  io::write_json(folder() / "versions.json", versions(load_options_.precision));
}

std::shared_ptr<const model::Backbone> Experiment::backbone() {
  if (backbone_ == nullptr) {
    warn_of_crowding();
    backbone_ =
        std::make_shared<const model::Backbone>(model::Backbone::load(config_.model.path, load_options_));
    spdlog::info("backbone {}: {:.0f} MiB, products in {}", config_.model.path,
                 static_cast<double>(backbone_->bytes()) / (1 << 20), name_of(load_options_.precision));
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
