/// A model that replies to messages, wherever it runs.
#pragma once

#include "routedk/text/chat_template.h"

#include <cstddef>
#include <cstdint>
#include <functional>
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
  double seconds = 0.0;    ///< it took; of replies written together, its share
  std::string refusal{};   ///< why the model will never reply to this request; empty where it has
  std::string problem{};   ///< why the reply can't be used, though it is paid for; empty where it can
  bool estimated = false;  ///< some of the counts are estimated from the text
};

/// Receives each reply as soon as it is there, with its request's place; one at a time, whatever the thread.
using ReplySink = std::function<void(std::size_t place, const ChatReply& reply)>;

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

  /// One reply or refusal a request, in any order. Errors are the model's own or the sink's; the sink has
  /// heard by then all replies that came, and the other requests have none.
  virtual void ask(std::span<const ChatRequest> requests, const ReplySink& sink) = 0;
};

}  // namespace routedk::distill
