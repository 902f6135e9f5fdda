/// A chat model behind an OpenAI-compatible endpoint (POST .../chat/completions).
#pragma once

#include "routedk/distill/chat_model.h"
#include "routedk/distill/http_client.h"
#include "routedk/distill/key_cover.h"
#include "routedk/distill/request_fields.h"

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace routedk::distill {

/// ConfigError for a URL that is none or holds a user name, a password or a key.
void check_url(const std::string& url);

struct EndpointOptions {
  std::string url;    ///< "https://api.openai.com/v1", with or without /v1 and /chat/completions
  std::string model;  ///< as the endpoint calls it
  std::string key;    ///< sent as a bearer token, to https or this machine alone; empty: none is sent
  int concurrency = 4;
  int attempts = 6;            ///< at most so many times a request is sent
  double first_wait = 1.0;     ///< seconds before the second attempt; doubled for each after that, jittered
  double longest_wait = 60.0;  ///< seconds
  ChatSampling sampling;
  /// Changes to a request's members (RequestFields); an object.
  io::Json parameters = io::Json::object();
  HttpOptions http;
};

class EndpointModel final : public ChatModel {
 public:
  /// Sleeps for a number of seconds.
  using Sleep = std::function<void(double)>;

  /// ConfigError for a URL that is none, and for a key that would travel in the clear.
  explicit EndpointModel(EndpointOptions options, Sleep sleep = sleep_for);

  /// `concurrency` requests at a time. Waits and tries again after 408, 429, 5xx, broken connections,
  /// timeouts and responses that are no chat completion, errors inside a 200 among them; Retry-After is
  /// honoured. A request with status 400, 413 or 422, or of which no attempt brings a chat completion, is
  /// refused alone; members that the endpoint says it does not know are left out first. SystemError where all
  /// attempts fail otherwise or the endpoint wants a longer wait than `longest_wait`; ConfigError, at once,
  /// for any other status, redirects among them, and for a certificate that is not trusted; the requests
  /// under way are waited for. The key is in no message and no reply.
  void ask(std::span<const ChatRequest> requests, const ReplySink& sink) override;

 private:
  static void sleep_for(double seconds);
  ChatReply reply_or_refusal(HttpClient& client, const ChatRequest& request);
  ChatReply reply_to(HttpClient& client, const ChatRequest& request);
  ChatReply attempt(HttpClient& client, const ChatRequest& request);
  [[noreturn]] void refuse(const HttpResponse& response, std::size_t place, const io::Json& sent);
  void ask_anew_if_learnt(const std::string& words, const io::Json& sent);
  double wait_before(int attempt, std::uint64_t key, double retry_after) const;
  io::Json request_json(const ChatRequest& request);
  std::string quoted(const std::string& words) const;

  EndpointOptions options_;
  Sleep sleep_;
  std::vector<std::string> addresses_;    ///< that the URL can mean
  std::atomic<std::size_t> address_ = 0;  ///< the one that is asked
  KeyCover cover_;
  std::mutex fields_mutex_;
  RequestFields fields_;
  std::set<std::string> learnt_;
  std::vector<std::unique_ptr<HttpClient>> clients_;  ///< one per thread
};

}  // namespace routedk::distill
