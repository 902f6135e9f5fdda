#include "routedk/distill/annotation_teacher.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <fmt/ranges.h>

namespace routedk::distill {

using bundle::KnowledgeKind;
using bundle::Prediction;
using bundle::Session;

namespace {

/// For sessions where the heuristic was right and the domain adds no rule.
constexpr const char* kNothingToAdd = "Products with like titles serve one intent.";

std::vector<Rule> by_support(const std::vector<Rule>& own, const std::vector<SupportedRule>& domain) {
  std::vector<Rule> ranked;
  for (const SupportedRule& each : domain) {
    if (std::ranges::find(own, each.rule) != own.end()) {
      ranked.push_back(each.rule);
    }
  }
  return ranked;
}

void check_options(const AnnotationOptions& options) {
  for (const auto& [name, value] : {std::pair{"rules_per_session", options.rules_per_session},
                                    std::pair{"domain_rules", options.domain_rules}}) {
    if (value < 1) {
      throw_<ConfigError>("`{}` must be at least 1, but is {} instead.", name, value);
    }
  }
}

}  // namespace

AnnotationTeacher::AnnotationTeacher(std::span<const Session> training, std::span<const Prediction> proposals,
                                     const AnnotationOptions& options)
    : AnnotationTeacher(study_all(training, proposals), options) {}

AnnotationTeacher::AnnotationTeacher(Study study, const AnnotationOptions& options)
    : Teacher(card_of(study, options)), study_(std::move(study)), options_(options) {
  check_options(options);
}

AnnotationTeacher::Study AnnotationTeacher::study_all(std::span<const Session> training,
                                                      std::span<const Prediction> proposals) {
  if (training.size() != proposals.size()) {
    throw_<DataError>("Each training session must have one proposal, but {} sessions have {}.",
                      training.size(), proposals.size());
  }
  Study study;
  std::vector<std::vector<Rule>> rules;
  for (std::size_t i = 0; i < training.size(); ++i) {
    const auto found = compare_with_gold(proposals[i].value_or(bundle::Answer{}), training[i].gold);
    for (const Discrepancy& each : found) {
      ++study.discrepancies.at(static_cast<std::size_t>(each.kind));
    }
    rules.push_back(rules_of(training[i], found));
  }
  study.domain = summarise_rules(rules);
  for (std::size_t i = 0; i < training.size(); ++i) {
    study.own[training[i].id] = by_support(rules[i], study.domain);
  }
  return study;
}

bundle::TeacherCard AnnotationTeacher::card_of(const Study& study, const AnnotationOptions& options) {
  std::string learnt;
  for (const auto& [session, rules] : study.own) {
    learnt += fmt::format("{}\n", session);
    for (const Rule& rule : rules) {
      learnt += rule_text(rule) + "\n";
    }
  }
  bundle::TeacherCard card;
  card.teacher = "annotation/2";
  card.parameters = fmt::format("mentions={} rules={} domain={} learnt={:016x}", options.mentions,
                                options.rules_per_session, options.domain_rules, hash64(learnt));
  return card;
}

std::span<const SupportedRule> AnnotationTeacher::domain_rules() const noexcept {
  const auto limit = static_cast<std::size_t>(options_.domain_rules);
  return std::span(study_.domain).first(std::min(limit, study_.domain.size()));
}

io::Json AnnotationTeacher::report() const {
  io::Json discrepancies = io::Json::object();
  for (const auto& [kind, name] : enum_names(DiscrepancyKind{})) {
    discrepancies[std::string(name)] = study_.discrepancies.at(static_cast<std::size_t>(kind));
  }
  io::Json rules = io::Json::array();
  for (const SupportedRule& each : domain_rules()) {
    rules.push_back({{"rule", rule_text(each.rule)}, {"support", each.support}});
  }
  return {{"discrepancies", discrepancies}, {"domain_rules", rules}};
}

void AnnotationTeacher::teach(std::span<const Task> tasks, const RecordSink& sink) {
  for (const Task& task : tasks) {
    bundle::KnowledgeRecord record = blank_record(card(), task);
    record.text = write(task);
    sink(std::move(record));
  }
}

std::string AnnotationTeacher::write(const Task& task) const {
  const Session& session = *task.session;
  if (!study_.own.contains(session.id)) {
    throw_<DataError>("Knowledge must be about training sessions only, but session {} is not one.",
                      session.id);
  }
  if (task.kind == KnowledgeKind::kAnswer) {
    throw_<DataError>(
        "The annotation teacher must be asked for rules or a thought, but was asked for an answer.");
  }
  return task.kind == KnowledgeKind::kRules ? write_rules(session)
                                            : annotated_thought(session, options_.mentions);
}

std::string AnnotationTeacher::write_rules(const Session& session) const {
  std::vector<std::string> sentences;
  const auto limit = static_cast<std::size_t>(options_.rules_per_session);
  for (const Rule& rule : select_rules(session, study_.own.at(session.id), domain_rules(), limit)) {
    sentences.push_back(rule_text(rule));
  }
  return sentences.empty() ? kNothingToAdd : fmt::format("{}", fmt::join(sentences, "\n"));
}

}  // namespace routedk::distill
