/// The teacher that is asked: dialogues with a chat model, several at a time, within a budget.
#pragma once

#include "routedk/distill/dialogue.h"

#include <cstdint>
#include <memory>
#include <string>

namespace routedk::distill {

/// What tokens cost, and how much may be spent.
struct Budget {
  std::int64_t tokens = 0;        ///< of prompts and replies together; 0: no limit
  double cost = 0.0;              ///< in the prices' currency; 0: no limit
  double prompt_price = 0.0;      ///< of a million tokens
  double completion_price = 0.0;  ///< of a million tokens

  double cost_of(std::int64_t prompt_tokens, std::int64_t completion_tokens) const noexcept;
};

struct ChatTeacherOptions {
  std::string name;   ///< of the card: "endpoint/1"
  std::string model;  ///< of the card
  DialogueSettings dialogue;
  ChatSampling sampling;  ///< the chat model's, for the card
  int batch = 16;         ///< dialogues under way at a time
  Budget budget;
  std::int64_t prompt_tokens = 0;      ///< spent by earlier runs
  std::int64_t completion_tokens = 0;  ///< spent by earlier runs
};

class ChatTeacher final : public Teacher {
 public:
  ChatTeacher(ChatModel& model, ChatTeacherOptions options);

  using Teacher::teach;
  /// ConfigError once the budget is spent: no further question is asked, records that are whole have been
  /// handed over, dialogues under way are lost. What was asked before may exceed the budget by one batch.
  void teach(std::span<const Task> tasks, const RecordSink& sink) override;

 private:
  void ask(std::span<const std::unique_ptr<Dialogue>> dialogues);
  void check_budget() const;

  ChatModel& model_;
  ChatTeacherOptions options_;
};

}  // namespace routedk::distill
