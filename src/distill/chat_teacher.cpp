#include "routedk/distill/chat_teacher.h"

#include "routedk/core/error.h"

#include <utility>
#include <vector>

namespace routedk::distill {
namespace {

bundle::TeacherCard card_of(const ChatTeacherOptions& options) {
  const DialogueSettings& d = options.dialogue;
  return {options.name, options.model, dialogue_prompts_hash(*d.templates),
          fmt::format("temperature={} max_tokens={} rounds={} rules={} mentions={}",
                      options.sampling.temperature, options.sampling.max_tokens, d.rounds,
                      d.rules_per_session, d.mentions == Mentions::kNumbers ? "numbers" : "descriptions"),
          options.sampling.seed};
}

}  // namespace

double Budget::cost_of(std::int64_t prompt_tokens, std::int64_t completion_tokens) const noexcept {
  return (static_cast<double>(prompt_tokens) * prompt_price +
          static_cast<double>(completion_tokens) * completion_price) /
         1e6;
}

ChatTeacher::ChatTeacher(ChatModel& model, ChatTeacherOptions options)
    : Teacher(card_of(options)), model_(model), options_(std::move(options)) {}

void ChatTeacher::teach(std::span<const Task> tasks, const RecordSink& sink) {
  std::vector<std::unique_ptr<Dialogue>> open;
  std::size_t next = 0;
  while (next < tasks.size() || !open.empty()) {
    while (next < tasks.size() && open.size() < static_cast<std::size_t>(options_.batch)) {
      open.push_back(open_dialogue(tasks[next++], options_.dialogue, card()));
    }
    check_budget();
    ask(open);
    for (const auto& dialogue : open) {
      if (dialogue->done()) {
        sink(dialogue->record());
      }
    }
    std::erase_if(open, [](const auto& dialogue) { return dialogue->done(); });
  }
}

void ChatTeacher::ask(std::span<const std::unique_ptr<Dialogue>> dialogues) {
  std::vector<ChatRequest> requests;
  requests.reserve(dialogues.size());
  for (const auto& dialogue : dialogues) {
    requests.push_back(dialogue->request());
  }
  const std::vector<ChatReply> replies = model_.ask(requests);
  for (std::size_t i = 0; i < dialogues.size(); ++i) {
    options_.prompt_tokens += replies[i].prompt_tokens;
    options_.completion_tokens += replies[i].completion_tokens;
    dialogues[i]->take(replies[i]);
  }
}

void ChatTeacher::check_budget() const {
  const Budget& budget = options_.budget;
  const std::int64_t tokens = options_.prompt_tokens + options_.completion_tokens;
  const double cost = budget.cost_of(options_.prompt_tokens, options_.completion_tokens);
  if (budget.tokens > 0 && tokens >= budget.tokens) {
    throw_<ConfigError>(
        "`teacher.budget.tokens` must cover all records, but {} of {} tokens are spent; what is written is "
        "kept: raise it and go on",
        tokens, budget.tokens);
  }
  if (budget.cost > 0.0 && cost >= budget.cost) {
    throw_<ConfigError>(
        "`teacher.budget.cost` must cover all records, but {:.4f} of {:.4f} are spent; what is written is "
        "kept: raise it and go on",
        cost, budget.cost);
  }
}

}  // namespace routedk::distill
