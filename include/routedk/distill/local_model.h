/// A chat model in this process: a Llama without adapters, through our own decoder.
#pragma once

#include "routedk/bundle/session_encoder.h"
#include "routedk/decode/decoder.h"
#include "routedk/distill/chat_model.h"
#include "routedk/experts/routed_model.h"

#include <memory>
#include <vector>

namespace routedk::distill {

class LocalModel final : public ChatModel {
 public:
  LocalModel(std::shared_ptr<const model::Backbone> backbone, bundle::SessionEncoder encoder,
             const ChatSampling& sampling);
  LocalModel(const LocalModel&) = delete;
  LocalModel& operator=(const LocalModel&) = delete;

  /// All requests in one batch; where an answer is wanted, nothing but a canonical one can be written.
  /// ConfigError where messages and reply exceed the model's context.
  std::vector<ChatReply> ask(std::span<const ChatRequest> requests) override;

 private:
  experts::RoutedModel model_;
  decode::Decoder decoder_;
  bundle::SessionEncoder encoder_;
  ChatSampling sampling_;
};

}  // namespace routedk::distill
