#include "routedk/bundle/expert_input.h"

#include "routedk/bundle/answer.h"
#include "routedk/core/error.h"

#include <algorithm>
#include <array>

#include <fmt/ranges.h>

namespace routedk::bundle {
namespace {

constexpr std::array<const char*, 4> kNames{"base", "high_level", "fine_grained", "merged"};

bool reads_rules(ExpertKind kind) {
  return kind == ExpertKind::kHighLevel || kind == ExpertKind::kMerged;
}
bool reads_thought(ExpertKind kind) {
  return kind == ExpertKind::kFineGrained || kind == ExpertKind::kMerged;
}

PromptKind input_kind(ExpertKind kind) {
  if (kind == ExpertKind::kMerged) {
    return PromptKind::kBoth;
  }
  return reads_rules(kind)     ? PromptKind::kRules
         : reads_thought(kind) ? PromptKind::kThought
                               : PromptKind::kRaw;
}

}  // namespace

const char* expert_name(ExpertKind kind) noexcept {
  return kNames.at(static_cast<std::size_t>(kind));
}

ExpertKind expert_kind(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) {
    throw_<ConfigError>("An expert must be one of [{}], but is `{}` instead.", fmt::join(kNames, ", "), name);
  }
  return static_cast<ExpertKind>(found - kNames.begin());
}

std::vector<text::ChatMessage> inference_prompt(const PromptTemplates& templates, const Session& session) {
  return templates.render(PromptKind::kRaw, session);
}

std::string gold_text(const Session& session) {
  return canonical_answer(to_products(session, gold_answer(session)));
}

std::vector<TrainingText> training_texts(const PromptTemplates& templates, const Session& session,
                                         const KnowledgeStore& knowledge, const ExpertInput& input) {
  PromptContent content;
  if (reads_rules(input.expert)) {
    content.rules = knowledge.text(session.id, KnowledgeKind::kRules);
  }
  if (reads_thought(input.expert)) {
    content.thought = knowledge.text(session.id, KnowledgeKind::kThought);
  }
  if (input.placement == KnowledgePlacement::kInput) {
    return {{templates.render(input_kind(input.expert), session, content), gold_text(session)}};
  }
  std::vector<TrainingText> texts{{inference_prompt(templates, session), gold_text(session)}};
  if (reads_rules(input.expert)) {
    texts.push_back({templates.render(PromptKind::kWriteRules, session), content.rules});
  }
  if (reads_thought(input.expert)) {
    texts.push_back({templates.render(PromptKind::kWriteThought, session), content.thought});
  }
  return texts;
}

}  // namespace routedk::bundle
