#include "routedk/distill/dialogue.h"

#include "routedk/bundle/expert_input.h"
#include "routedk/core/random.h"
#include "routedk/distill/describe.h"
#include "routedk/distill/feedback.h"
#include "routedk/distill/rule_lines.h"
#include "routedk/distill/thinking.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <fmt/ranges.h>

namespace routedk::distill {

using bundle::KnowledgeKind;
using bundle::ProductAnswer;
using bundle::ProductBundle;
using bundle::PromptKind;
using bundle::Session;

namespace {

constexpr const char* kNoAnswer = "the reply holds no bundles as JSON";

/// The text before the last line that opens a JSON object, without a code fence's opening.
std::string before_answer(const std::string& reply) {
  std::string text = reply.substr(0, reply.rfind('{'));
  const std::size_t line = text.rfind('\n');
  if (line != std::string::npos) {
    text.erase(line);
  }
  if (const std::size_t fence = text.rfind("```"); fence != std::string::npos) {
    text.erase(fence);
  }
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

bool in_range(const ProductAnswer& answer, std::size_t products) {
  return std::ranges::all_of(answer, [&](const ProductBundle& bundle) {
    return std::ranges::all_of(bundle,
                               [&](int product) { return static_cast<std::size_t>(product) <= products; });
  });
}

std::vector<text::ChatMessage> proposal_prompt(const DialogueOptions& settings, const Session& session,
                                               const std::string& rules) {
  bundle::PromptContent content;
  content.rules = rules.empty() ? "none so far" : rules;
  return settings.templates->render(PromptKind::kTeachPropose, session, content);
}

/// Whether at least two of the bundle's items are mentioned: the text has a word of their titles.
bool speaks_of(const std::set<std::string>& words, const Session& session, const bundle::Bundle& gold) {
  const auto is_named = [&](bundle::ItemId item) {
    const std::vector<std::string> title =
        words_of(std::ranges::find(session.items, item, &bundle::Item::id)->title);
    return std::ranges::any_of(
        title, [&](const std::string& word) { return can_name(word) && words.contains(word); });
  };
  return std::ranges::count_if(gold, is_named) >= 2;
}

class AnswerDialogue final : public Dialogue {
 public:
  using Dialogue::Dialogue;

 private:
  Question question() const override {
    return {"answer", proposal_prompt(settings(), session(), {}), /*wants_answer=*/true};
  }

  std::string accept(const std::string& reply) override {
    const auto answer = proposal_in(reply);
    if (!answer) {
      return kNoAnswer;
    }
    if (!in_range(*answer, session().items.size())) {
      return "a product number is not the session's";
    }
    finish(bundle::canonical_answer(*answer));
    return {};
  }
};

class ThoughtDialogue final : public Dialogue {
 public:
  using Dialogue::Dialogue;

 private:
  Question question() const override {
    bundle::PromptContent content;
    content.answer = bundle::gold_text(session());
    return {"think", settings().templates->render(PromptKind::kTeachThought, session(), content)};
  }

  std::string accept(const std::string& reply) override {
    const auto answer = proposal_in(reply);
    if (!answer) {
      return kNoAnswer;
    }
    if (bundle::canonical_answer(*answer) != bundle::gold_text(session())) {
      return "the bundles at the end are not gold's";
    }
    std::string thought = before_answer(reply);
    const std::vector<std::string> words = words_of(thought);
    const std::set<std::string> known(words.begin(), words.end());
    if (!std::ranges::all_of(session().gold,
                             [&](const auto& gold) { return speaks_of(known, session(), gold.items); })) {
      return "the thought does not mention products of every bundle";
    }
    if (settings().mentions == Mentions::kDescriptions && names_product_numbers(thought)) {
      return "the thought names product numbers";
    }
    finish(std::move(thought));
    return {};
  }
};

class ReflectionDialogue final : public Dialogue {
 public:
  using Dialogue::Dialogue;

 private:
  Question question() const override {
    if (!proposing_) {
      return {"reflect", history_};
    }
    return {"propose", proposal_prompt(settings(), session(), joined_rules()), /*wants_answer=*/true};
  }

  std::string accept(const std::string& reply) override {
    return proposing_ ? accept_proposal(reply) : accept_reflection(reply);
  }

  std::string accept_proposal(const std::string& reply) {
    const auto proposal = proposal_in(reply);
    if (!proposal) {
      return kNoAnswer;
    }
    const std::vector<Feedback> feedback = feedback_on(*proposal, session());
    if (reflections_ > 0 && (all_kept(feedback) || *proposal == proposal_)) {
      finish(joined_rules());
      return {};
    }
    proposal_ = *proposal;
    give(feedback);
    proposing_ = false;
    return {};
  }

  /// Adds the feedback to the dialogue, after the teacher's earlier replies.
  void give(const std::vector<Feedback>& feedback) {
    bundle::PromptContent content;
    content.answer = bundle::canonical_answer(proposal_);
    content.feedback = feedback_text(feedback, session());
    auto messages = settings().templates->render(PromptKind::kTeachReflect, session(), content);
    const auto first = history_.empty() ? messages.begin() : messages.end() - 1;
    std::move(first, messages.end(), std::back_inserter(history_));
  }

  std::string accept_reflection(const std::string& reply) {
    const auto limit = static_cast<std::size_t>(settings().rules_per_session);
    std::vector<std::string> rules = rules_in(reply, limit);
    if (rules.empty()) {
      return "no line states a general rule";
    }
    const bool unchanged = rules == rules_;
    rules_ = std::move(rules);
    history_.push_back({"assistant", reply});
    if (++reflections_ == settings().rounds || unchanged) {
      finish(joined_rules());
    }
    proposing_ = true;
    return {};
  }

  std::string joined_rules() const { return fmt::format("{}", fmt::join(rules_, "\n")); }

  bool proposing_ = true;
  int reflections_ = 0;
  ProductAnswer proposal_;
  std::vector<std::string> rules_;
  std::vector<text::ChatMessage> history_;
};

}  // namespace

Dialogue::Dialogue(const Task& task, const DialogueOptions& settings, const bundle::TeacherCard& card)
    : task_(task), settings_(settings), record_(blank_record(card, task)) {}

ChatRequest Dialogue::request() const {
  Question asked = question();
  ChatRequest request{std::move(asked.messages)};
  request.key =
      random_key(static_cast<std::uint64_t>(record_.session), name_of(record_.kind), {record_.turns.size()});
  request.answer_products = asked.wants_answer ? static_cast<int>(session().items.size()) : 0;
  return request;
}

void Dialogue::take(const ChatReply& reply) {
  const std::string asked = question().name;
  const std::optional<std::string> text = without_thinking(reply.text);
  const std::string problem = !reply.problem.empty() ? reply.problem
                              : !reply.finished      ? "the reply was cut off by the token limit"
                              : !text                ? "the reply ends within its thinking"
                                                     : accept(*text);
  record_.turns.push_back({asked, text.value_or(""), problem});
  record_.prompt_tokens += reply.prompt_tokens;
  record_.completion_tokens += reply.completion_tokens;
  record_.seconds += reply.seconds;
  if (problem.empty()) {
    failures_ = 0;
  } else if (++failures_ > settings_.retries) {
    give_up(problem);
  }
}

void Dialogue::give_up(const std::string& reason) {
  record_.failure = fmt::format("{}: {}", question().name, reason);
  done_ = true;
}

void Dialogue::finish(std::string text) {
  record_.text = std::move(text);
  done_ = true;
}

std::unique_ptr<Dialogue> open_dialogue(const Task& task, const DialogueOptions& settings,
                                        const bundle::TeacherCard& card) {
  switch (task.kind) {
    case KnowledgeKind::kRules:
      return std::make_unique<ReflectionDialogue>(task, settings, card);
    case KnowledgeKind::kThought:
      return std::make_unique<ThoughtDialogue>(task, settings, card);
    case KnowledgeKind::kAnswer:
      break;
  }
  return std::make_unique<AnswerDialogue>(task, settings, card);
}

std::string dialogue_prompts_hash(const bundle::PromptTemplates& templates) {
  std::string all;
  for (const PromptKind kind :
       {PromptKind::kTeachPropose, PromptKind::kTeachReflect, PromptKind::kTeachThought}) {
    for (const text::ChatMessage& message : templates.render(kind, Session{})) {
      all += message.content + '\0';
    }
  }
  return fmt::format("{:016x}", hash64(all));
}

}  // namespace routedk::distill
