/// The teacher that is asked: dialogues with a chat model, several at a time, within a budget.
#pragma once

#include "routedk/distill/dialogue.h"
#include "routedk/distill/spending.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace routedk::distill {

/// What tokens cost, and how much may be spent.
struct Budget {
  std::int64_t tokens = 0;        ///< of prompts and replies together; 0: no limit
  double cost = 0.0;              ///< in the prices' currency; 0: no limit
  double prompt_price = 0.0;      ///< of a million tokens
  double completion_price = 0.0;  ///< of a million tokens

  double cost_of(const TokenCounts& spent) const noexcept;
};

struct ChatTeacherOptions {
  std::string name;   ///< of the card: "endpoint/1"
  std::string model;  ///< of the card
  DialogueOptions dialogue;
  ChatSampling sampling;     ///< the chat model's, for the card
  std::string parameters{};  ///< changes to its requests, for the card; empty for none
  int batch = 16;            ///< dialogues under way at a time
  Budget budget;
};

class ChatTeacher final : public Teacher {
 public:
  /// `spending` counts against the budget, with what earlier runs spent.
  ChatTeacher(ChatModel& model, ChatTeacherOptions options, Spending spending = {});

  using Teacher::teach;
  /// ConfigError once the budget is spent: no further question is asked, records that are whole have been
  /// handed over, dialogues under way are lost, but paid for. What was asked before may exceed the budget by
  /// one batch. A request that the model refuses ends its own dialogue, unless the model refuses all of the
  /// first 4 or more, or all there are: ConfigError, since the settings are then at fault rather than one
  /// session.
  void teach(std::span<const Task> tasks, const RecordSink& sink) override;

 private:
  /// One question each; hands over the records that become whole.
  void ask(std::span<const std::unique_ptr<Dialogue>> dialogues, const RecordSink& sink);
  void settle_refused(bool last, const RecordSink& sink);
  void count(const ChatReply& reply);
  void check_budget() const;

  ChatModel& model_;
  ChatTeacherOptions options_;
  Spending spending_;
  bool has_replied_ = false;                        ///< the model, to any request
  bool has_estimated_ = false;                      ///< tokens were estimated, and a warning said so
  std::vector<std::unique_ptr<Dialogue>> refused_;  ///< before any reply
  std::string first_refusal_;
};

}  // namespace routedk::distill
