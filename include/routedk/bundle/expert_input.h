/// What each expert reads and writes: a session and its knowledge as the texts of prompt and answer.
#pragma once

#include "routedk/bundle/knowledge.h"
#include "routedk/bundle/prompt.h"
#include "routedk/bundle/session.h"
#include "routedk/core/named_enum.h"
#include "routedk/text/chat_template.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::bundle {

/// Kinds of experts, by what they learn from.
enum class ExpertKind {
  kBase,         ///< the session
  kHighLevel,    ///< session + rules
  kFineGrained,  ///< session + thought
  kMerged,       ///< session + rules + thought
};
constexpr auto enum_names(ExpertKind /*of*/) {
  return std::to_array<EnumName<ExpertKind>>({{ExpertKind::kBase, "base"},
                                              {ExpertKind::kHighLevel, "high_level"},
                                              {ExpertKind::kFineGrained, "fine_grained"},
                                              {ExpertKind::kMerged, "merged"}});
}

/// The kind with that name; ConfigError, which lists the names, if there is none.
ExpertKind expert_kind(std::string_view name);

/// Where an expert sees its knowledge during training (`knowledge.placement`).
enum class KnowledgePlacement {
  kInput,      ///< read in the prompt, before the bundles are written
  kAuxiliary,  ///< written as an additional task with its own instruction; bundles are written from the raw
               ///< prompt
};
constexpr auto enum_names(KnowledgePlacement /*of*/) {
  return std::to_array<EnumName<KnowledgePlacement>>(
      {{KnowledgePlacement::kInput, "input"}, {KnowledgePlacement::kAuxiliary, "auxiliary"}});
}

/// Which rules an expert reads (`knowledge.rules`).
enum class RuleSource {
  kSession,  ///< those of the session's record
  kDomain,   ///< those of the domain, the same for every session
  kBoth,     ///< the session's, then those of the domain that are not among them
};

constexpr auto enum_names(RuleSource /*of*/) {
  return std::to_array<EnumName<RuleSource>>(
      {{RuleSource::kSession, "session"}, {RuleSource::kDomain, "domain"}, {RuleSource::kBoth, "both"}});
}

/// The limit on the length of a prompt.
struct TokenBudget {
  std::int64_t max_tokens = 0;
  std::function<std::int64_t(const std::vector<text::ChatMessage>&)> count;  ///< number of tokens of a prompt
};

/// One training text. Prompt and answer are tokenised separately; the loss is on the answer and its
/// end-of-turn token.
struct TrainingText {
  std::vector<text::ChatMessage> prompt;
  std::string answer;
  std::int64_t statements_cut = 0;  ///< dropped from the prompt's rules and thought to fit the budget
  bool over_budget = false;         ///< too long even without rules and thought: titles are never cut
};

/// The prompt of inference and validation: the raw session, for every expert.
std::vector<text::ChatMessage> inference_prompt(const PromptTemplates& templates, const Session& session);

/// The canonical answer of the session's gold bundles.
std::string gold_text(const Session& session);

/// What an expert trains on, where its knowledge goes and how long its prompts may be.
struct ExpertInput {
  ExpertKind expert = ExpertKind::kBase;
  KnowledgePlacement placement = KnowledgePlacement::kInput;
  RuleSource rules = RuleSource::kSession;
  std::vector<std::string> domain_rules{};  ///< by falling support
  std::optional<TokenBudget> budget{};      ///< none: unlimited
};

/// The texts of one training session: first bundles, then, for kAuxiliary, rules and thought, if the expert
/// learns from them. A prompt over the budget loses statements (they end at newlines and at full stops before
/// a space), last first: those of the rules, which are sorted by falling support, then those of the thought.
/// DataError when the store lacks a required record.
std::vector<TrainingText> training_texts(const PromptTemplates& templates, const Session& session,
                                         const KnowledgeStore& knowledge, const ExpertInput& input);

}  // namespace routedk::bundle
