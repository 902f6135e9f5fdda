/// What each expert reads and writes: a session and its knowledge as prompt and answer texts.
#pragma once

#include "routedk/bundle/knowledge.h"
#include "routedk/bundle/prompt.h"
#include "routedk/bundle/session.h"
#include "routedk/text/chat_template.h"

#include <string>
#include <string_view>
#include <vector>

namespace routedk::bundle {

/// Experts by what they learn from.
enum class ExpertKind {
  kBase,         ///< the session
  kHighLevel,    ///< session + rules
  kFineGrained,  ///< session + thought
  kMerged,       ///< session + rules + thought
};

/// "base", "high_level", "fine_grained" or "merged".
const char* expert_name(ExpertKind kind) noexcept;
/// The reverse; ConfigError names what is no expert and lists those that are.
ExpertKind expert_kind(std::string_view name);

/// Where an expert meets its knowledge while it trains (`knowledge.placement`).
enum class KnowledgePlacement {
  kInput,      ///< read in the prompt, before the bundles are written
  kAuxiliary,  ///< written under an instruction of its own, beside the bundles written from the raw prompt
};

/// One text to train on. They are tokenised apart; the loss is on the answer and its end-of-turn token.
struct TrainingText {
  std::vector<text::ChatMessage> prompt;
  std::string answer;
};

/// The prompt of inference and validation: the raw session, for every expert.
std::vector<text::ChatMessage> inference_prompt(const PromptTemplates& templates, const Session& session);

/// The canonical answer of the session's gold bundles.
std::string gold_text(const Session& session);

/// What an expert trains on, and where its knowledge stands.
struct ExpertInput {
  ExpertKind expert = ExpertKind::kBase;
  KnowledgePlacement placement = KnowledgePlacement::kInput;
};

/// The texts of one training session: first bundles, then, for kAuxiliary, rules and thought, as far as the
/// expert learns from them. DataError where the store lacks a record that is needed.
std::vector<TrainingText> training_texts(const PromptTemplates& templates, const Session& session,
                                         const KnowledgeStore& knowledge, const ExpertInput& input);

}  // namespace routedk::bundle
