/// A model that replies to messages, wherever it runs.
#pragma once

#include "routedk/text/chat_template.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace routedk::distill {

struct ChatRequest {
  std::vector<text::ChatMessage> messages;
  std::uint64_t key = 0;  ///< keys the random draws, with the seed: another key, another reply
  /// The reply is to be an answer about this many products; a model that can writes canonical ones only.
  /// 0: any text.
  int answer_products = 0;
};

struct ChatReply {
  std::string text;
  bool finished = true;  ///< ended by the model, not by the limit of tokens
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  double seconds = 0.0;  ///< it took; of replies written together, its share
};

/// How replies are drawn.
struct ChatSampling {
  double temperature = 0.7;  ///< 0 is greedy
  std::int64_t max_tokens = 512;
  std::uint64_t seed = 1;
};

class ChatModel {
 public:
  ChatModel() = default;
  ChatModel(const ChatModel&) = delete;
  ChatModel& operator=(const ChatModel&) = delete;
  virtual ~ChatModel() = default;

  /// One reply a request, in their order. Errors are the model's own: none of the replies is worth anything
  /// then.
  virtual std::vector<ChatReply> ask(std::span<const ChatRequest> requests) = 0;
};

}  // namespace routedk::distill
