#include "routedk/workflow/predict/run_kit.h"

#include "routedk/bundle/tfidf.h"
#include "routedk/bundle/worked_examples.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/io/gguf.h"
#include "routedk/io/json_field.h"
#include "routedk/workflow/experiment/experiment.h"

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;
using bundle::Session;
using io::Json;

constexpr const char* kKit = "predict";

void write_where_new(const fs::path& file, const std::string& text) {
  if (!fs::exists(file) || read_file(file, kMostTableBytes) != text) {
    write_file_atomic(file, text);
  }
}

/// Whether anything that prompts show looks at how rare words are.
bool looks_at_words(const PromptConfig& prompt) {
  return !prompt.relations.empty() || prompt.examples > 0;
}

std::string tokenizer_name(const fs::path& model) {
  if (fs::is_directory(model)) {
    return fs::exists(model / "tokenizer.json") ? "tokenizer.json" : "tokenizer.model";
  }
  const auto file = io::GgufFile::open(model);
  const char* const pre = "tokenizer.ggml.pre";
  return file.text(file.has(pre) ? pre : "tokenizer.ggml.model");
}

Json json_of(const std::vector<Session>& sessions) {
  Json json = Json::array();
  for (const Session& session : sessions) {
    Json one = {{"session", session.id}, {"items", Json::array()}, {"bundles", Json::array()}};
    for (const bundle::Item& item : session.items) {
      one["items"].push_back({{"id", item.id}, {"title", item.title}});
    }
    for (const bundle::GoldBundle& gold : session.gold) {
      one["bundles"].push_back(gold.items);
    }
    json.push_back(std::move(one));
  }
  return json;
}

std::vector<Session> sessions_of(const io::JsonField& json) {
  std::vector<Session> sessions;
  for (const io::JsonField& one : json.items()) {
    Session& session = sessions.emplace_back();
    session.id = one["session"].integer();
    for (const io::JsonField& item : one["items"].items()) {
      session.items.push_back({item["id"].integer(), item["title"].text(), ""});
    }
    for (const io::JsonField& gold : one["bundles"].items()) {
      bundle::Bundle& items = session.gold.emplace_back().items;
      for (const io::JsonField& item : gold.items()) {
        items.push_back(item.integer());
      }
    }
    session.length = static_cast<std::int64_t>(session.items.size());
  }
  return sessions;
}

/// What prompts show of sessions from anywhere.
struct Shown {
  bundle::TfIdf titles;
  std::vector<Session> examples;  ///< to choose from
};

Shown shown_of_data(const ExperimentConfig& config) {
  const auto data =
      bundle::load_dataset({data_folder(config.data.dir), config.data.domain, config.data.untitled});
  return {bundle::TfIdf(data.titles), split_of(config, data).train};
}

Shown shown_of_run(const fs::path& kit, const ExperimentConfig& config) {
  Shown shown{bundle::TfIdf::from_json(io::read_json_field(kit / "words.json")), {}};
  if (config.prompt.examples > 0) {
    shown.examples = sessions_of(io::read_json_field(kit / "examples.json"));
  }
  return shown;
}

}  // namespace

void write_run_kit(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  const fs::path kit = experiment.folder() / kKit;
  fs::create_directories(kit / "prompts");
  const fs::path model = fs::absolute(c.model.path).lexically_normal();
  const Json about = {{"path", model.string()},
                      {"contents", fmt::format("{:016x}", experiment.contents().model)},
                      {"tokenizer", tokenizer_name(model)},
                      {"tokens", experiment.encoder().tokenizer().vocab_size()}};
  write_where_new(kit / "model.json", about.dump(2) + "\n");
  if (!experiment.has_sessions()) {
    return;
  }
  for (const auto& entry : fs::directory_iterator(c.prompts)) {
    if (entry.is_regular_file() && entry.path().extension() == ".txt") {
      write_where_new(kit / "prompts" / entry.path().filename(), read_file(entry.path(), kMostSettingsBytes));
    }
  }
  if (looks_at_words(c.prompt)) {
    write_where_new(kit / "words.json", bundle::TfIdf(experiment.dataset().titles).to_json().dump() + "\n");
  }
  if (const auto examples = worked_examples_of(c.prompt, experiment.dataset(), experiment.split())) {
    write_where_new(kit / "examples.json", json_of(examples->sessions()).dump() + "\n");
  }
}

fs::path kit_prompts(const fs::path& run) {
  const fs::path prompts = fs::absolute(run / kKit / "prompts");
  return fs::exists(prompts / "raw.txt") ? prompts : fs::path();
}

bundle::PromptTemplates answering_templates(const fs::path& run, const ExperimentConfig& config) {
  if (!looks_at_words(config.prompt)) {
    return bundle::PromptTemplates::load(config.prompts);
  }
  const fs::path kit = run / kKit;
  const Shown shown = run.empty() || !fs::exists(kit) ? shown_of_data(config) : shown_of_run(kit, config);
  std::shared_ptr<const bundle::ItemRelations> relations;
  if (!config.prompt.relations.empty()) {
    bundle::RelationOptions options{config.prompt.relations, config.prompt.relation_pairs,
                                    config.prompt.min_similarity, /*by_title=*/true};
    relations =
        std::make_shared<const bundle::ItemRelations>(std::span<const Session>(), shown.titles, options);
  }
  auto templates = bundle::PromptTemplates::load(config.prompts, relations);
  if (config.prompt.examples > 0) {
    templates.show(std::make_shared<const bundle::WorkedExamples>(
        shown.examples, shown.titles, config.prompt.examples, config.prompt.choose_examples));
  }
  return templates;
}

void check_run_model(const fs::path& run, const ExperimentConfig& config, bool chosen) {
  const fs::path file = run / kKit / "model.json";
  if (run.empty() || !fs::exists(file)) {
    return;
  }
  const io::JsonField trained = io::read_json_field(file);
  if (!fs::exists(config.model.path)) {
    throw_<ConfigError>(
        "a run's model must exist, but {} does not: give its place with --model PATH ({}; its tokenizer, {}, "
        "has {} "
        "tokens)",
        config.model.path, file.string(), trained["tokenizer"].text(), trained["tokens"].integer(1));
  }
  const std::string contents = model_contents(config.model.path);
  if (contents == trained["contents"].text()) {
    return;
  }
  if (!chosen) {
    throw_<ConfigError>(
        "a run's model must be the one that it was trained on, but {} has changed since ({} -> {}); --model "
        "PATH accepts another",
        config.model.path, trained["contents"].text(), contents);
  }
  spdlog::warn("{} is not the model that the run was trained on ({})", config.model.path, file.string());
}

}  // namespace routedk::workflow
