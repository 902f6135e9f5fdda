#include "routedk/bundle/answer.h"
#include "routedk/bundle/predictions.h"
#include "routedk/core/error.h"
#include "routedk/core/evenly_spread.h"
#include "routedk/core/files.h"
#include "routedk/core/progress.h"
#include "routedk/distill/report.h"
#include "routedk/distill/rule_lines.h"
#include "routedk/distill/spending.h"
#include "routedk/io/json_field.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/steps.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "shared_work.h"
#include "teachers.h"
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

using bundle::KnowledgeKind;
using bundle::Session;

constexpr std::array kTaught{KnowledgeKind::kRules, KnowledgeKind::kThought};
constexpr std::array kAnswered{KnowledgeKind::kAnswer};

/// Runs the teacher, showing progress and cost.
distill::DistillCounts let_write(Experiment& experiment, const std::vector<Session>& sessions,
                                 std::span<const KnowledgeKind> kinds, const std::filesystem::path& store) {
  const TeacherAtWork at_work = make_teacher(experiment, store);
  const distill::Budget prices = budget_of(experiment.config().teacher.budget);
  std::optional<Progress> progress;
  std::int64_t before = 0;
  const auto counts = distill::distill_knowledge(
      *at_work.teacher, sessions, kinds, store, [&](const distill::DistillCounts& so_far) {
        if (!progress) {
          progress.emplace("distil", so_far.total - so_far.kept, "records");
          return;
        }
        const double cost = prices.cost_of({so_far.prompt_tokens, so_far.completion_tokens});
        progress->advance(so_far.written - std::exchange(before, so_far.written),
                          fmt::format("{} failed, {} tokens, cost {:.4f}", so_far.failed,
                                      so_far.prompt_tokens + so_far.completion_tokens, cost));
      });
  progress->finish();
  return counts;
}

/// The domain's rules, by decreasing support.
io::Json domain_rules(const bundle::KnowledgeStore& knowledge, std::int64_t limit) {
  io::Json rules = io::Json::array();
  for (const auto& [text, support] : distill::induce_rules(knowledge, static_cast<std::size_t>(limit))) {
    rules.push_back({{"rule", text}, {"support", support}});
  }
  return rules;
}

io::Json report_on(Experiment& experiment) {
  const auto training = of_two_items(experiment.split().train);
  const auto knowledge = bundle::KnowledgeStore::load(experiment.knowledge_file());
  const TeacherConfig& settings = experiment.config().teacher;
  io::Json json = {{"teacher", name_of(settings.kind)}, {"model", settings.model}};
  for (const KnowledgeKind kind : kTaught) {
    json[std::string(name_of(kind))] = to_json(distill::knowledge_share(training, knowledge, kind));
  }
  if (settings.kind == distill::TeacherKind::kAnnotation) {
    json.update(make_teacher(experiment, experiment.knowledge_file()).study);
    return json;
  }
  json["cost"] = budget_of(settings.budget).cost_of(distill::spent_on(experiment.knowledge_file()));
  json["feedback"] = distill::feedback_counts(training, knowledge);
  json["domain_rules"] = domain_rules(knowledge, settings.domain_rules);
  return json;
}

void write_domain_rules(const std::filesystem::path& path, const io::Json& rules) {
  std::string text;
  for (const io::Json& rule : rules) {
    text += rule.at("rule").get<std::string>() + "\n";
  }
  write_file_atomic(path, text, Readers::kOwner);
}

std::vector<bundle::Prediction> predictions_in(const std::filesystem::path& store,
                                               const std::vector<Session>& sessions) {
  const auto answers = bundle::KnowledgeStore::load(store);
  std::vector<bundle::Prediction> predictions;
  for (const Session& session : sessions) {
    const bundle::KnowledgeRecord* record = answers.find(session.id, KnowledgeKind::kAnswer);
    if (record == nullptr) {  // too few items to be sent to the teacher
      predictions.emplace_back(bundle::Answer{});
    } else if (!record->valid()) {
      predictions.emplace_back(std::nullopt);
    } else {
      const auto answer = bundle::parse_answer(record->text, static_cast<int>(session.items.size()));
      if (!answer) {
        throw_<FileError>(
            "a teacher's answer must be bundles of the session's products, but is {} ({}, session {})",
            record->text, store.string(), session.id);
      }
      predictions.emplace_back(bundle::to_items(session, *answer));
    }
  }
  return predictions;
}

bool same_teacher(const Step& a, const Step& b) {
  const auto alike = [&](const auto& setting) {
    const auto other = b.settings.find(setting.first);
    return (!setting.first.starts_with("teacher.") && setting.first != "data.domain") ||
           (other != b.settings.end() && other->second == setting.second);
  };
  return std::all_of(a.settings.begin(), a.settings.end(), alike);
}

/// The largest store of records that this teacher wrote about this domain in an earlier step; "" if there is
/// none.
std::filesystem::path largest_earlier(const Experiment& experiment) {
  namespace fs = std::filesystem;
  const fs::path name = experiment.knowledge_file().filename();
  fs::path largest;
  for (const std::string& key : experiment.store().keys(StepKind::kDistil)) {
    const fs::path folder = experiment.store().folder_of(StepKind::kDistil, key);
    const fs::path begun = folder / "begun.json";
    if (fs::is_regular_file(folder / name) && fs::exists(begun) &&
        same_teacher(step_of(io::read_json_field(begun)), experiment.step({StepKind::kDistil})) &&
        (largest.empty() || fs::file_size(folder / name) > fs::file_size(largest))) {
      largest = folder / name;
    }
  }
  return largest;
}

/// Records of a language model cost money or hours: a step without any starts with those about its sessions
/// in the teacher's largest earlier store, and keeps the ones written from the same inputs.
void take_over_earlier(const Experiment& experiment, const std::vector<Session>& asked,
                       const std::filesystem::path& file) {
  namespace fs = std::filesystem;
  if (experiment.config().teacher.kind == distill::TeacherKind::kAnnotation || fs::exists(file)) {
    return;
  }
  const fs::path earlier = largest_earlier(experiment);
  if (earlier.empty()) {
    return;
  }
  std::set<bundle::SessionId> sessions;
  for (const Session& session : asked) {
    sessions.insert(session.id);
  }
  std::string records;
  io::read_records(earlier, [&](const io::JsonField& record) {
    if (sessions.contains(record["session"].integer())) {
      records += record.value().dump() + "\n";
    }
  });
  // First: money spent counts wherever its records are used; with shards, each would count it.
  if (fs::exists(distill::spent_file(earlier)) && experiment.shard().whole()) {
    write_file_atomic(distill::spent_file(file), read_file(distill::spent_file(earlier)), Readers::kOwner);
  }
  write_file_atomic(file, records, Readers::kOwner);
  spdlog::info("distil: begins with records of {}", earlier.string());
}

void write_knowledge(Experiment& experiment, const std::vector<Session>& sessions,
                     const std::filesystem::path& file) {
  take_over_earlier(experiment, sessions, file);
  const auto counts = let_write(experiment, sessions, kTaught, file);
  spdlog::info("distil: {} records written, {} of them failed, {} kept", counts.written, counts.failed,
               counts.kept);
}

/// Writes statistics of all records.
void write_report(Experiment& experiment) {
  const io::Json figures = report_on(experiment);
  io::write_json(experiment.step_folder({StepKind::kDistil}) / "knowledge.json", figures, Readers::kOwner);
  write_domain_rules(experiment.domain_rules_file(), figures.at("domain_rules"));
  spdlog::info("distil: gold can be read off {:.0f} % of the rules, {:.0f} % of the thoughts",
               100.0 * figures["rules"]["gold_read_off"].get<double>(),
               100.0 * figures["thought"]["gold_read_off"].get<double>());
}

}  // namespace

void distil_step(Experiment& experiment) {
  require_sessions(experiment, StepKind::kDistil);
  const StepId id{StepKind::kDistil};
  const std::vector<Session> sessions = of_two_items(experiment.split().train);
  require_some(sessions, id);
  if (!experiment.shard().whole()) {
    return do_part(experiment, {id, sessions, 1, experiment.knowledge_file(),
                                [&](const std::vector<Session>& own, const std::filesystem::path& file) {
                                  write_knowledge(experiment, own, file);
                                },
                                Readers::kOwner, [&] { write_report(experiment); }});
  }
  if (!begin_step(experiment, id)) {
    return;
  }
  write_knowledge(experiment, sessions, experiment.knowledge_file());
  write_report(experiment);
  mark_done(experiment, {id});
}

std::string distil_report(Experiment& experiment) {
  return report_on(experiment).dump(2) + "\n";
}

void check_teacher_answers(const ExperimentConfig& config, bundle::SplitPart split) {
  if (config.teacher.kind == distill::TeacherKind::kAnnotation) {
    throw_<ConfigError>(
        "`teacher.kind` must be endpoint or local for answers of its own, but is annotation, which writes "
        "from "
        "gold.");
  }
  if (split != bundle::SplitPart::kTrain && !config.teacher.held_out) {
    throw_<ConfigError>(
        "`teacher.held_out` must be true before {} sessions are sent to a teacher, but is false.", split);
  }
}

std::vector<bundle::Prediction> teacher_answers(const Experiment& experiment, bundle::SplitPart split) {
  const auto sessions = evenly_spread(experiment.split().part(split), experiment.config().eval.limit);
  const StepId id{StepKind::kTeacher, std::string(name_of(split))};
  return predictions_in(experiment.step_folder(id) / "answers.jsonl", sessions);
}

std::string evaluate_teacher(Experiment& experiment, bundle::SplitPart split) {
  const ExperimentConfig& c = experiment.config();
  check_teacher_answers(c, split);
  const auto sessions = evenly_spread(experiment.split().part(split), c.eval.limit);
  const StepId id{StepKind::kTeacher, std::string(name_of(split))};
  const std::filesystem::path metrics = experiment.step_folder(id) / "metrics.json";
  if (!begin_step(experiment, id)) {
    return read_file(metrics);
  }
  const std::filesystem::path store = experiment.step_folder(id) / "answers.jsonl";
  const auto counts = let_write(experiment, of_two_items(sessions), kAnswered, store);
  const auto scores = bundle::score_sessions(sessions, predictions_in(store, sessions));
  const bundle::BootstrapOptions bootstrap{c.decode.seed, static_cast<int>(c.eval.resamples)};
  io::Json json = {{"teacher", name_of(c.teacher.kind)},
                   {"model", c.teacher.model},
                   {"domain", c.data.domain},
                   {"split", name_of(split)},
                   {"sessions", sessions.size()},
                   {"leaky_titles", experiment.dataset().leaky_titles},
                   {"written", counts.written},
                   {"kept", counts.kept}};
  json.update(bundle::to_json(bundle::evaluate({scores}, bootstrap)));
  io::write_json(metrics, json);
  mark_done(experiment, {id});
  return read_file(metrics);
}

}  // namespace routedk::workflow
