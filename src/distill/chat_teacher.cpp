#include "routedk/distill/chat_teacher.h"

#include "routedk/core/error.h"

#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

namespace routedk::distill {
namespace {

constexpr std::size_t kMostRefused = 4;  // after this many refused requests, the settings are at fault

bundle::TeacherCard card_of(const ChatTeacherOptions& options) {
  const DialogueOptions& d = options.dialogue;
  return {options.name, options.model, dialogue_prompts_hash(*d.templates),
          fmt::format("temperature={} max_tokens={} rounds={} rules={} mentions={}{}{}",
                      options.sampling.temperature, options.sampling.max_tokens, d.rounds,
                      d.rules_per_session, d.mentions == Mentions::kNumbers ? "numbers" : "descriptions",
                      options.parameters.empty() ? "" : " parameters=", options.parameters),
          options.sampling.seed};
}

}  // namespace

double Budget::cost_of(const TokenCounts& spent) const noexcept {
  return (static_cast<double>(spent.prompt) * prompt_price +
          static_cast<double>(spent.completion) * completion_price) /
         1e6;
}

ChatTeacher::ChatTeacher(ChatModel& model, ChatTeacherOptions options, Spending spending)
    : Teacher(card_of(options)),
      model_(model),
      options_(std::move(options)),
      spending_(std::move(spending)) {}

void ChatTeacher::teach(std::span<const Task> tasks, const RecordSink& sink) {
  std::vector<std::unique_ptr<Dialogue>> open;
  std::size_t next = 0;
  while (next < tasks.size() || !open.empty()) {
    while (next < tasks.size() && open.size() < static_cast<std::size_t>(options_.batch)) {
      open.push_back(open_dialogue(tasks[next++], options_.dialogue, card()));
    }
    check_budget();
    ask(open, sink);
    for (auto& dialogue : open) {
      if (dialogue->done() && !has_replied_) {
        refused_.push_back(std::move(dialogue));
      }
    }
    std::erase_if(open, [](const auto& dialogue) { return dialogue == nullptr || dialogue->done(); });
    settle_refused(/*last=*/next == tasks.size() && open.empty(), sink);
  }
}

/// Refusals before any reply may be due to the settings; they are held back until a reply rules that out.
void ChatTeacher::settle_refused(bool last, const RecordSink& sink) {
  if (!has_replied_ && !refused_.empty() && (last || refused_.size() >= kMostRefused)) {
    throw ConfigError(first_refusal_);
  }
  if (has_replied_) {
    for (const auto& dialogue : std::exchange(refused_, {})) {
      sink(dialogue->record());
    }
  }
}

void ChatTeacher::ask(std::span<const std::unique_ptr<Dialogue>> dialogues, const RecordSink& sink) {
  std::vector<ChatRequest> requests;
  requests.reserve(dialogues.size());
  for (const auto& dialogue : dialogues) {
    requests.push_back(dialogue->request());
  }
  std::vector<Dialogue*> refused;
  model_.ask(requests, [&](std::size_t place, const ChatReply& reply) {
    Dialogue& dialogue = *dialogues[place];
    if (!reply.refusal.empty()) {
      first_refusal_ = first_refusal_.empty() ? reply.refusal : first_refusal_;
      dialogue.give_up(reply.refusal);
      refused.push_back(&dialogue);
      return;
    }
    has_replied_ = true;
    count(reply);
    dialogue.take(reply);
    if (dialogue.done()) {
      sink(dialogue.record());
    }
  });
  for (const Dialogue* dialogue : refused) {
    if (has_replied_) {
      sink(dialogue->record());
    }
  }
}

void ChatTeacher::count(const ChatReply& reply) {
  spending_.add({reply.prompt_tokens, reply.completion_tokens});
  if (reply.estimated && !std::exchange(has_estimated_, true)) {
    spdlog::warn(
        "the endpoint reports no `usage`: tokens are estimated from the text, one per 4 bytes, and "
        "`teacher.budget` counts the estimate");
  }
}

void ChatTeacher::check_budget() const {
  const Budget& budget = options_.budget;
  const TokenCounts& spent = spending_.total();
  const std::int64_t tokens = spent.prompt + spent.completion;
  const double cost = budget.cost_of(spent);
  if (budget.tokens > 0 && tokens >= budget.tokens) {
    throw_<ConfigError>(
        "`teacher.budget.tokens` must cover all records, but {} of {} tokens are spent; what is written is "
        "kept: raise it and run again",
        tokens, budget.tokens);
  }
  if (budget.cost > 0.0 && cost >= budget.cost) {
    throw_<ConfigError>(
        "`teacher.budget.cost` must cover all records, but {:.4f} of {:.4f} are spent; what is written is "
        "kept: raise it and run again",
        cost, budget.cost);
  }
}

}  // namespace routedk::distill
