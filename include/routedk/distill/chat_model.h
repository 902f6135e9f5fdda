/// A model that replies to messages, local or remote.
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
  std::uint64_t key = 0;  ///< keys the random draws, together with the seed
  /// If not 0, the reply is to be an answer about this many products; a model that can restricts itself to
  /// canonical ones. 0: any text.
  int answer_products = 0;
};

struct ChatReply {
  std::string text;
  bool finished = true;  ///< ended by the model, not by the token limit
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  double seconds = 0.0;    ///< time taken; for batched replies, the share of each
  std::string refusal{};   ///< why the model will never reply to this request; otherwise empty
  std::string problem{};   ///< why the reply is unusable, though paid for; otherwise empty
  bool estimated = false;  ///< some of the counts are estimated from the text
};

/// Receives each reply as soon as it arrives, with its request's index; one at a time, from any thread.
using ReplySink = std::function<void(std::size_t place, const ChatReply& reply)>;

/// How replies are sampled.
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

  /// One reply or refusal per request, in any order. Throws the model's or the sink's errors; by then the
  /// sink has received all replies that arrived, and the other requests have none.
  virtual void ask(std::span<const ChatRequest> requests, const ReplySink& sink) = 0;
};

}  // namespace routedk::distill
