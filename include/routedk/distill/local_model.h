/// A chat model in this process: a Llama without adapters, run by RouteDK's decoder.
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

  /// Runs all requests in one batch; if an answer is wanted, only canonical ones can be generated.
  /// ConfigError if messages and reply exceed the model's context.
  void ask(std::span<const ChatRequest> requests, const ReplySink& sink) override;

 private:
  experts::RoutedModel model_;
  decode::Decoder decoder_;
  bundle::SessionEncoder encoder_;
  ChatSampling sampling_;
};

}  // namespace routedk::distill
