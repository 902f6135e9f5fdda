/// A chat model behind an OpenAI-compatible endpoint (POST <url>/chat/completions).
#pragma once

#include "routedk/distill/chat_model.h"
#include "routedk/distill/http_client.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace routedk::distill {

struct EndpointOptions {
  std::string url;    ///< "https://api.openai.com/v1"
  std::string model;  ///< as the endpoint calls it
  std::string key;    ///< sent as a bearer token, to https or this machine alone; empty: none is sent
  int concurrency = 4;
  int attempts = 6;            ///< at most so many times a request is sent
  double first_wait = 1.0;     ///< seconds before the second attempt; doubled for each after that, jittered
  double longest_wait = 60.0;  ///< seconds
  ChatSampling sampling;
  HttpOptions http;
};

class EndpointModel final : public ChatModel {
 public:
  /// Sleeps for a number of seconds.
  using Sleep = std::function<void(double)>;

  /// ConfigError for a URL that is none, and for a key that would travel in the clear.
  explicit EndpointModel(EndpointOptions options, Sleep sleep = sleep_for);

  /// `concurrency` requests at a time. Waits and tries again after 408, 429, 5xx, broken connections,
  /// timeouts and responses that are no chat completion; Retry-After is honoured. A request with status 400,
  /// 413 or 422 is refused alone. SystemError where all attempts fail or the endpoint wants a longer wait
  /// than `longest_wait`; ConfigError, at once, for any other status, redirects among them, and for a
  /// certificate that is not trusted; the requests under way are waited for. The key is in no message.
  void ask(std::span<const ChatRequest> requests, const ReplySink& sink) override;

 private:
  static void sleep_for(double seconds);
  ChatReply reply_or_refusal(HttpClient& client, const ChatRequest& request) const;
  ChatReply reply_to(HttpClient& client, const ChatRequest& request) const;
  ChatReply attempt(HttpClient& client, const std::string& body) const;
  double wait_before(int attempt, std::uint64_t key, double retry_after) const;
  std::string request_body(const ChatRequest& request) const;
  std::string said(const std::string& body) const;

  EndpointOptions options_;
  Sleep sleep_;
  std::vector<std::unique_ptr<HttpClient>> clients_;  ///< one a thread
};

}  // namespace routedk::distill
