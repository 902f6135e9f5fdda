#include "routedk/bundle/expert_input.h"

#include "routedk/bundle/answer.h"
#include "routedk/core/error.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/ranges.h>

namespace routedk::bundle {
namespace {

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

/// A text's statements, each with the separator that follows it.
std::vector<std::string> statements_of(std::string_view text) {
  std::vector<std::string> statements;
  while (!text.empty()) {
    const std::size_t end = std::min({text.size(), text.find('\n'), text.find(". ")});
    const std::size_t taken = std::min(text.size(), text.find_first_not_of(" .\n", end));
    statements.emplace_back(text.substr(0, taken));
    text.remove_prefix(taken);
  }
  return statements;
}

std::string joined(std::span<const std::string> statements) {
  std::string text = fmt::format("{}", fmt::join(statements, ""));
  text.erase(text.find_last_not_of(" \n") + 1);
  return text;
}

/// Rules and thought, split into statements that can be cut from the end.
class CutContent {
 public:
  explicit CutContent(const PromptContent& content)
      : rules_(statements_of(content.rules)), thought_(statements_of(content.thought)) {}

  std::size_t size() const { return rules_.size() + thought_.size(); }
  /// Without the last `cut` statements, those of the rules first.
  PromptContent without(std::size_t cut) const {
    const std::size_t of_rules = std::min(cut, rules_.size());
    return {joined(std::span(rules_).first(rules_.size() - of_rules)),
            joined(std::span(thought_).first(thought_.size() - (cut - of_rules)))};
  }

 private:
  std::vector<std::string> rules_;
  std::vector<std::string> thought_;
};

/// Cuts only what the budget requires. The prompt grows with each statement, so a binary search finds how
/// many can stay.
TrainingText fitted(const std::function<std::vector<text::ChatMessage>(const PromptContent&)>& render,
                    const PromptContent& content, const std::optional<TokenBudget>& budget) {
  TrainingText text;
  text.prompt = render(content);
  if (!budget || budget->count(text.prompt) <= budget->max_tokens) {
    return text;
  }
  const CutContent cut(content);
  const auto fits = [&](std::size_t n) {
    return budget->count(render(cut.without(n))) <= budget->max_tokens;
  };
  std::size_t low = 0;  // too few
  std::size_t high = cut.size();
  text.over_budget = !fits(high);
  while (low + 1 < high && !text.over_budget) {
    const std::size_t middle = (low + high) / 2;
    (fits(middle) ? high : low) = middle;
  }
  text.statements_cut = static_cast<std::int64_t>(high);
  text.prompt = render(cut.without(high));
  return text;
}

/// Whether `rule` is one of the rules, one per line.
bool has_rule(const std::string& rules, const std::string& rule) {
  return ("\n" + rules + "\n").find("\n" + rule + "\n") != std::string::npos;
}

std::string rules_for(const Session& session, const KnowledgeStore& knowledge, const ExpertInput& input) {
  std::string rules;
  if (input.rules != RuleSource::kDomain) {
    rules = knowledge.text(session.id, KnowledgeKind::kRules);
  }
  for (const std::string& rule : input.domain_rules) {
    if (input.rules != RuleSource::kSession && !has_rule(rules, rule)) {
      rules += (rules.empty() ? "" : "\n") + rule;
    }
  }
  return rules;
}

}  // namespace

ExpertKind expert_kind(std::string_view name) {
  const auto kind = find_enum<ExpertKind>(name);
  if (!kind) {
    throw_<ConfigError>("An expert must be one of [{}], but is `{}` instead.", enum_list<ExpertKind>(), name);
  }
  return *kind;
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
    content.rules = rules_for(session, knowledge, input);
  }
  if (reads_thought(input.expert)) {
    content.thought = knowledge.text(session.id, KnowledgeKind::kThought);
  }
  const auto text = [&](PromptKind kind, const PromptContent& shown, const std::string& answer) {
    const auto render = [&](const PromptContent& part) { return templates.render(kind, session, part); };
    TrainingText made = fitted(render, shown, input.budget);
    made.answer = answer;
    return made;
  };
  if (input.placement == KnowledgePlacement::kInput) {
    return {text(input_kind(input.expert), content, gold_text(session))};
  }
  std::vector<TrainingText> texts{text(PromptKind::kRaw, {}, gold_text(session))};
  if (reads_rules(input.expert)) {
    texts.push_back(text(PromptKind::kWriteRules, {}, content.rules));
  }
  if (reads_thought(input.expert)) {
    texts.push_back(text(PromptKind::kWriteThought, {}, content.thought));
  }
  return texts;
}

}  // namespace routedk::bundle
