/// The replies of a chat model in the order of the requests.
#pragma once

#include "routedk/distill/chat_model.h"

#include <vector>

namespace routedk::distill {

inline std::vector<ChatReply> replies_to(ChatModel& model, const std::vector<ChatRequest>& requests) {
  std::vector<ChatReply> replies(requests.size());
  model.ask(requests, [&](std::size_t place, const ChatReply& reply) { replies.at(place) = reply; });
  return replies;
}

}  // namespace routedk::distill
