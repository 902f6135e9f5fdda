/// The teacher that needs no network: it writes from human annotations.
#pragma once

#include "routedk/bundle/metrics.h"
#include "routedk/bundle/session.h"
#include "routedk/core/named_enum.h"
#include "routedk/distill/rule.h"
#include "routedk/distill/teacher.h"
#include "routedk/io/jsonl.h"

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::distill {

/// How thoughts refer to products (`thoughts.mentions`).
enum class Mentions {
  kDescriptions,  ///< by description: describe_title
  kNumbers,       ///< by product number, which gives the answer away
};

constexpr auto enum_names(Mentions /*of*/) {
  return std::to_array<EnumName<Mentions>>(
      {{Mentions::kDescriptions, "descriptions"}, {Mentions::kNumbers, "numbers"}});
}

struct AnnotationOptions {
  Mentions mentions = Mentions::kDescriptions;
  int rules_per_session = 4;  ///< maximum rules in a session's record
  int domain_rules = 100;     ///< the domain's best-supported rules that can enter other records
};

/// From titles to intents to composition: "The titles show A, B, C and D.\nLight: A with C.\n..." One line
/// per gold bundle, in canonical order, beginning with its intent (its first twelve words; "One intent" if
/// there is no annotation).
std::string annotated_thought(const bundle::Session& session, Mentions mentions);

/// Thoughts from intents and gold bundles; rules from the errors in a heuristic's proposals.
class AnnotationTeacher final : public Teacher {
 public:
  /// `proposals` are the heuristic's answers to the training sessions, in order. DataError if the two differ
  /// in length; ConfigError if a limit is below 1.
  AnnotationTeacher(std::span<const bundle::Session> training, std::span<const bundle::Prediction> proposals,
                    const AnnotationOptions& options);

  /// The domain's best-supported rules, at most `domain_rules`.
  std::span<const SupportedRule> domain_rules() const noexcept;

  /// {"discrepancies": {name: count}, "domain_rules": [{"rule": text, "support": sessions}]}
  io::Json report() const;

  using Teacher::teach;
  /// DataError if a session is not a training session, or if an answer is requested.
  void teach(std::span<const Task> tasks, const RecordSink& sink) override;

 private:
  /// The rules derived from comparing all proposals with gold.
  struct Study {
    std::map<bundle::SessionId, std::vector<Rule>> own;  ///< by decreasing support in the domain
    std::vector<SupportedRule> domain;                   ///< all, by decreasing support
    std::array<std::int64_t, kDiscrepancyKinds> discrepancies{};
  };

  AnnotationTeacher(Study study, const AnnotationOptions& options);
  static Study study_all(std::span<const bundle::Session> training,
                         std::span<const bundle::Prediction> proposals);
  static bundle::TeacherCard card_of(const Study& study, const AnnotationOptions& options);

  std::string write(const Task& task) const;
  std::string write_rules(const bundle::Session& session) const;

  Study study_;
  AnnotationOptions options_;
};

}  // namespace routedk::distill
