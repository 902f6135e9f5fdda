#include "routedk/workflow/predict/run_kit.h"

#include "routedk/bundle/answer.h"
#include "routedk/bundle/plain_text.h"
#include "routedk/bundle/tfidf.h"
#include "routedk/bundle/worked_examples.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/io/gguf.h"
#include "routedk/io/json_field.h"
#include "routedk/workflow/experiment/experiment.h"
#include "routedk/workflow/experiment/session_data.h"

#include <algorithm>
#include <map>
#include <memory>
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

/// Whether prompts show anything that depends on the data's items.
bool shows_items(const PromptConfig& prompt) {
  return !prompt.relations.empty() || prompt.examples > 0;
}

/// Whether they show anything that depends on training sessions.
bool shows_sessions(const PromptConfig& prompt) {
  return prompt.examples > 0 ||
         std::any_of(prompt.relations.begin(), prompt.relations.end(), [](bundle::Relation relation) {
           return relation != bundle::Relation::kTitleSimilarity;
         });
}

std::string tokenizer_name(const fs::path& model) {
  if (fs::is_directory(model)) {
    return fs::exists(model / "tokenizer.json") ? "tokenizer.json" : "tokenizer.model";
  }
  const auto file = io::GgufFile::open(model);
  const char* const pre = "tokenizer.ggml.pre";
  return file.text(file.has(pre) ? pre : "tokenizer.ggml.model");
}

using Texts = std::map<bundle::ItemId, std::string>;

/// {"id", "title": as in the data's file, "category"}, one item per line.
std::string items_text(const Texts& titles, const Texts& categories) {
  std::string lines;
  for (const auto& [id, title] : titles) {
    Json item = {{"id", id}, {"title", title}};
    if (const auto category = categories.find(id); category != categories.end()) {
      item["category"] = category->second;
    }
    lines += item.dump() + "\n";
  }
  return lines;
}

/// {"session", "items": ids, "bundles": lists of ids}, one session per line.
std::string sessions_text(const std::vector<Session>& sessions) {
  std::string lines;
  for (const Session& session : sessions) {
    Json one = {{"session", session.id}, {"items", Json::array()}, {"bundles", Json::array()}};
    for (const bundle::Item& item : session.items) {
      one["items"].push_back(item.id);
    }
    for (const bundle::GoldBundle& gold : session.gold) {
      one["bundles"].push_back(gold.items);
    }
    lines += one.dump() + "\n";
  }
  return lines;
}

/// The data that prompts show.
struct Shown {
  Texts titles;                   ///< of all items, as in the data's file
  Texts categories;               ///< of the items that have one
  std::vector<Session> training;  ///< empty if prompts show none of it
};

/// The item as it appears in sessions.
bundle::Item item_of(const Shown& shown, bundle::ItemId id, const std::string& title) {
  const auto category = shown.categories.find(id);
  return {id, bundle::clean_title(title), category == shown.categories.end() ? "" : category->second, id};
}

/// The ids of a list, all of which must be `known`.
template <typename Known>
bundle::Bundle ids_of(const io::JsonField& list, const Known& known) {
  list.require(list.value().size() <= static_cast<std::size_t>(bundle::kMaxProducts),
               fmt::format("have at most {} items", bundle::kMaxProducts));
  bundle::Bundle ids;
  for (const io::JsonField& id : list.items()) {
    id.require(known(id.integer()), "be an item of its session, and of items.jsonl");
    ids.push_back(id.integer());
  }
  return ids;
}

Session session_of(const Shown& shown, const io::JsonField& record) {
  Session session;
  session.id = record["session"].integer();
  const bundle::Bundle items =
      ids_of(record["items"], [&](bundle::ItemId id) { return shown.titles.contains(id); });
  for (const bundle::ItemId id : items) {
    session.items.push_back(item_of(shown, id, shown.titles.at(id)));
  }
  const auto in_session = [&](bundle::ItemId id) {
    return std::find(items.begin(), items.end(), id) != items.end();
  };
  for (const io::JsonField& gold : record["bundles"].items()) {
    session.gold.push_back({ids_of(gold, in_session), ""});
  }
  session.length = static_cast<std::int64_t>(session.items.size());
  return session;
}

Shown shown_of_data(const ExperimentConfig& config) {
  bundle::Dataset data = dataset_of(config);
  std::vector<Session> training = split_of(config, data).train;
  return {std::move(data.titles), std::move(data.categories), std::move(training)};
}

void read_kept(const fs::path& file, const io::OnRecord& on_record) {
  if (!fs::exists(file)) {
    throw_<ConfigError>(
        "a run must keep what its prompts show, but {} is not there: prompt.relations and prompt.examples "
        "must be those that it was made with (to a run of an earlier version, routedk-run RUN/config.yaml "
        "adds it)",
        file.string());
  }
  io::read_records(file, on_record);
}

Shown shown_of_run(const fs::path& kit, const PromptConfig& prompt) {
  Shown shown;
  read_kept(kit / "items.jsonl", [&](const io::JsonField& item) {
    const bundle::ItemId id = item["id"].integer();
    shown.titles[id] = item["title"].text();
    if (!item["category"].absent()) {
      shown.categories[id] = item["category"].text();
    }
  });
  if (shows_sessions(prompt)) {
    read_kept(kit / "sessions.jsonl",
              [&](const io::JsonField& record) { shown.training.push_back(session_of(shown, record)); });
  }
  return shown;
}

std::shared_ptr<const bundle::ItemRelations> relations_of(const PromptConfig& prompt, const Shown& shown,
                                                          const bundle::TfIdf& titles) {
  if (prompt.relations.empty()) {
    return nullptr;
  }
  const bundle::RelationOptions options{prompt.relations, prompt.relation_pairs, prompt.min_similarity};
  auto relations = std::make_shared<bundle::ItemRelations>(shown.training, titles, options);
  std::vector<bundle::Item> items;
  for (const auto& [id, title] : shown.titles) {
    items.push_back(item_of(shown, id, title));
  }
  relations->recognise(items);
  return relations;
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
  const bundle::Dataset& data = experiment.dataset();
  if (shows_items(c.prompt)) {
    write_where_new(kit / "items.jsonl", items_text(data.titles, data.categories));
  }
  if (shows_sessions(c.prompt)) {
    write_where_new(kit / "sessions.jsonl", sessions_text(experiment.split().train));
  }
}

fs::path kit_prompts(const fs::path& run) {
  const fs::path prompts = fs::absolute(run / kKit / "prompts");
  return fs::exists(prompts / "raw.txt") ? prompts : fs::path();
}

bundle::PromptTemplates answering_templates(const fs::path& run, const ExperimentConfig& config) {
  const PromptConfig& prompt = config.prompt;
  const fs::path kit = run / kKit;
  if (!run.empty() && !fs::exists(kit)) {
    throw_<ConfigError>("a run must keep what its prompts show, but {} is not there: routedk-run {} adds it",
                        kit.string(), (run / "config.yaml").string());
  }
  if (!shows_items(prompt)) {
    return bundle::PromptTemplates::load(config.prompts);
  }
  const Shown shown = run.empty() ? shown_of_data(config) : shown_of_run(kit, prompt);
  const bundle::TfIdf titles(shown.titles);
  auto templates = bundle::PromptTemplates::load(config.prompts, relations_of(prompt, shown, titles));
  if (prompt.examples > 0) {
    templates.show(std::make_shared<const bundle::WorkedExamples>(shown.training, titles, prompt.examples,
                                                                  prompt.choose_examples));
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
