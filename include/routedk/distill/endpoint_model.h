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

/// ConfigError for an invalid URL or one with a user name, a password or a key.
void check_url(const std::string& url);

struct EndpointOptions {
  std::string url;    ///< "https://api.openai.com/v1", with or without /v1 and /chat/completions
  std::string model;  ///< the endpoint's name for it
  std::string key;    ///< sent as a bearer token, only over https or to this machine; empty: none
  int concurrency = 4;
  int attempts = 6;            ///< maximum number of times a request is sent
  double first_wait = 1.0;     ///< seconds before the second attempt; doubles with each further one, with
                               ///< jitter
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

  /// ConfigError for an invalid URL, and for a key that would be sent unencrypted.
  explicit EndpointModel(EndpointOptions options, Sleep sleep = sleep_for);

  /// Sends `concurrency` requests at a time. Waits and retries after 408, 429, 5xx, broken connections,
  /// timeouts and responses that are not chat completions, including errors inside a 200; honours
  /// Retry-After. A request with status 400, 413 or 422, or for which no attempt returns a chat completion,
  /// is refused individually; members that the endpoint reports as unknown are omitted first. SystemError if
  /// all attempts fail otherwise or the endpoint demands a wait longer than `longest_wait`; ConfigError,
  /// immediately, for any other status, including redirects, and for an untrusted certificate, after waiting
  /// for the requests in progress. The key appears in no message and no reply.
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
  std::vector<std::string> addresses_;    ///< candidates for the URL
  std::atomic<std::size_t> address_ = 0;  ///< the one in use
  KeyCover cover_;
  std::mutex fields_mutex_;
  RequestFields fields_;
  std::set<std::string> learnt_;
  std::vector<std::unique_ptr<HttpClient>> clients_;  ///< one per thread
};

}  // namespace routedk::distill
