/// The teacher that asks a chat model: several dialogues at a time, within a budget.
#pragma once

#include "routedk/distill/dialogue.h"
#include "routedk/distill/spending.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace routedk::distill {

/// The price of tokens, and the spending limit.
struct Budget {
  std::int64_t tokens = 0;        ///< of prompts and replies together; 0: no limit
  double cost = 0.0;              ///< in the prices' currency; 0: no limit
  double prompt_price = 0.0;      ///< per million tokens
  double completion_price = 0.0;  ///< per million tokens

  double cost_of(const TokenCounts& spent) const noexcept;
};

struct ChatTeacherOptions {
  std::string name;   ///< for the card: "endpoint/1"
  std::string model;  ///< for the card
  DialogueOptions dialogue;
  ChatSampling sampling;     ///< the chat model's sampling, for the card
  std::string parameters{};  ///< changes to its requests, for the card; empty for none
  int batch = 16;            ///< dialogues in progress at a time
  Budget budget;
};

class ChatTeacher final : public Teacher {
 public:
  /// `spending` counts against the budget, including what earlier runs spent.
  ChatTeacher(ChatModel& model, ChatTeacherOptions options, Spending spending = {});

  using Teacher::teach;
  /// ConfigError once the budget is spent: no further question is asked, complete records have been passed
  /// on, dialogues in progress are lost although paid for. Questions already asked may exceed the budget by
  /// one batch. A request that the model refuses ends only its own dialogue, unless the model refuses all of
  /// the first 4 or more, or all there are: ConfigError, since the settings are then at fault rather than one
  /// session.
  void teach(std::span<const Task> tasks, const RecordSink& sink) override;

 private:
  /// Asks one question of each; passes on the records that become complete.
  void ask(std::span<const std::unique_ptr<Dialogue>> dialogues, const RecordSink& sink);
  void settle_refused(bool last, const RecordSink& sink);
  void count(const ChatReply& reply);
  void check_budget() const;

  ChatModel& model_;
  ChatTeacherOptions options_;
  Spending spending_;
  bool has_replied_ = false;                        ///< to any request
  bool has_estimated_ = false;                      ///< token counts were estimated, and a warning was logged
  std::vector<std::unique_ptr<Dialogue>> refused_;  ///< before any reply
  std::string first_refusal_;
};

}  // namespace routedk::distill
