#include "routedk/distill/endpoint_model.h"

#include "routedk/core/random.h"
#include "routedk/distill/chat_completion.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <thread>

#include "endpoint_address.h"
#include <spdlog/spdlog.h>

namespace routedk::distill {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestSaying = 200;  // bytes of an endpoint's message in an error

/// The endpoint asks for a pause.
class Busy : public TransportError {
 public:
  Busy(const std::string& message, double retry_after) : TransportError(message), retry_after_(retry_after) {}
  double retry_after() const noexcept { return retry_after_; }

 private:
  double retry_after_;
};

/// A response that is not a completion: a retry may succeed, and the problem concerns only this request.
class BadResponse : public TransportError {
 public:
  using TransportError::TransportError;
};

/// The endpoint rejects this request but accepts others.
class Refused : public ConfigError {
 public:
  using ConfigError::ConfigError;
};

/// The request must be built again: the endpoint's address or supported members have changed.
struct AskAnew {};

void check(const EndpointOptions& options) {
  const bool secure = options.url.starts_with("https://");
  if (!secure && !options.key.empty() && !is_this_machine(options.url)) {
    throw_<ConfigError>("A key must be sent over https or to this machine, but the endpoint is `{}` instead.",
                        options.url);
  }
  if (options.key.find_first_of("\r\n") != std::string::npos) {
    throw_<ConfigError>("A key must be one line, but has several.");
  }
}

bool may_pass(long status) {
  return status == 408 || status == 429 || status >= 500;
}

/// Bad request, content too large, unprocessable content: the request is at fault.
bool refuses_request(long status) {
  return status == 400 || status == 413 || status == 422;
}

bool is_elsewhere(long status) {
  return status == 404 || status == 405;
}

std::string authorization(const std::string& key) {
  return "Authorization: Bearer " + key;
}

}  // namespace

EndpointModel::EndpointModel(EndpointOptions options, Sleep sleep)
    : options_(std::move(options)),
      sleep_(std::move(sleep)),
      addresses_(chat_addresses(options_.url)),
      cover_(options_.key),
      fields_(options_.parameters) {
  check(options_);
  options_.http.use_proxy = !is_this_machine(options_.url);
  std::vector<std::string> headers;
  if (!options_.key.empty()) {
    headers.push_back(authorization(options_.key));
  }
  for (int i = 0; i < options_.concurrency; ++i) {
    clients_.push_back(std::make_unique<HttpClient>(options_.http, headers));
  }
}

void EndpointModel::sleep_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

void EndpointModel::ask(std::span<const ChatRequest> requests, const ReplySink& sink) {
  std::atomic<std::size_t> next = 0;
  std::exception_ptr error;
  std::mutex mutex;  // guards the sink and the error
  const auto work = [&](HttpClient& client) {
    try {
      for (std::size_t i = next++; i < requests.size(); i = next++) {
        const ChatReply reply = reply_or_refusal(client, requests[i]);
        const std::scoped_lock lock(mutex);
        sink(i, reply);
      }
    } catch (...) {
      const std::scoped_lock lock(mutex);
      error = error ? error : std::current_exception();
      next = requests.size();  // the other threads finish only what they have begun
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(clients_.size(), requests.size()); ++i) {
      threads.emplace_back([&, i] { work(*clients_[i]); });
    }
  }
  if (error) {
    std::rethrow_exception(error);
  }
}

ChatReply EndpointModel::reply_or_refusal(HttpClient& client, const ChatRequest& request) {
  try {
    return reply_to(client, request);
  } catch (const Refused& refused) {
    ChatReply reply;
    reply.refusal = refused.what();
    return reply;
  }
}

ChatReply EndpointModel::reply_to(HttpClient& client, const ChatRequest& request) {
  for (int attempts = 1;;) {
    double retry_after = 0.0;
    try {
      return attempt(client, request);
    } catch (const AskAnew&) {
      continue;
    } catch (const Busy& busy) {
      retry_after = busy.retry_after();
      if (retry_after > options_.longest_wait) {
        throw_<SystemError>("An endpoint must ask for a wait of at most {} s, but asks for {} s: {}",
                            options_.longest_wait, retry_after, busy.what());
      }
      if (attempts == options_.attempts) {
        throw;
      }
    } catch (const BadResponse& bad) {
      if (attempts == options_.attempts) {
        throw Refused(bad.what());
      }
    } catch (const TransportError&) {
      if (attempts == options_.attempts) {
        throw;
      }
    }
    sleep_(wait_before(attempts, request.key, retry_after));
    ++attempts;
  }
}

ChatReply EndpointModel::attempt(HttpClient& client, const ChatRequest& request) {
  const auto start = Clock::now();
  const std::size_t place = address_;
  const std::string& address = addresses_[place];
  const io::Json sent = request_json(request);
  const HttpResponse response =
      client.post(address, sent.dump(-1, ' ', false, io::Json::error_handler_t::replace));
  if (response.status < 200 || response.status >= 300) {
    refuse(response, place, sent);
  }
  try {
    ChatReply reply = chat_reply(response.body, request);
    reply.text = cover_.cover(reply.text);
    reply.problem = cover_.cover(reply.problem);
    reply.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return reply;
  } catch (const NoCompletion& none) {
    ask_anew_if_learnt(none.words, sent);
    const std::string message =
        fmt::format("A response must be a chat completion, but is not{} ({}).", quoted(none.words), address);
    if (refuses_request(none.status)) {
      throw Refused(message);
    }
    throw BadResponse(message);
  }
}

/// Ends the attempt, the request or the run, depending on the response's error status.
void EndpointModel::refuse(const HttpResponse& response, std::size_t place, const io::Json& sent) {
  const std::string& address = addresses_[place];
  if (response.status >= 300 && response.status < 400) {
    throw_<ConfigError>("An endpoint must answer at its own address, but redirects with {} ({}).",
                        response.status, address);
  }
  if (is_elsewhere(response.status) && place + 1 < addresses_.size()) {
    std::size_t expected = place;
    address_.compare_exchange_strong(expected, place + 1);
    throw AskAnew{};
  }
  const std::string words = endpoint_words(response.body);
  if (response.status < 500 && !is_elsewhere(response.status)) {
    ask_anew_if_learnt(words, sent);
  }
  const std::string message = fmt::format("An endpoint must accept requests, but answers {}{} ({}).",
                                          response.status, quoted(words), address);
  if (may_pass(response.status)) {
    throw Busy(message, response.retry_after.value_or(0.0));
  }
  if (refuses_request(response.status)) {
    throw Refused(message);
  }
  throw ConfigError(message);
}

/// Another thread may already have learnt it.
void EndpointModel::ask_anew_if_learnt(const std::string& words, const io::Json& sent) {
  const std::scoped_lock lock(fields_mutex_);
  const std::string learnt = fields_.learn(words, sent);
  if (!learnt.empty() && learnt_.insert(learnt).second) {
    spdlog::warn("the endpoint does not know all members of a request{}: {} from now on", quoted(words),
                 learnt);
  }
  if (!learnt.empty()) {
    throw AskAnew{};
  }
}

/// Exponential, half of it jittered, so that clients that failed together do not retry together.
double EndpointModel::wait_before(int attempt, std::uint64_t key, double retry_after) const {
  const double full = std::min(options_.longest_wait, options_.first_wait * std::exp2(attempt - 1));
  const double jitter =
      Random(options_.sampling.seed, "backoff", {key, static_cast<std::uint64_t>(attempt)}).uniform();
  return std::max(retry_after, full * (0.5 + 0.5 * jitter));
}

io::Json EndpointModel::request_json(const ChatRequest& request) {
  io::Json messages = io::Json::array();
  for (const text::ChatMessage& message : request.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  const std::scoped_lock lock(fields_mutex_);
  return fields_.applied_to(
      {{"model", options_.model},
       {"messages", std::move(messages)},
       {"temperature", options_.sampling.temperature},
       {"max_tokens", options_.sampling.max_tokens},
       {"seed", random_key(options_.sampling.seed, "chat", {request.key}) >> 33U}});  // 31 bits
}

/// The endpoint's message, shortened, without the key.
std::string EndpointModel::quoted(const std::string& words) const {
  const std::string clean = cover_.cover(words);
  return clean.empty() ? "" : fmt::format(" (\"{}\")", displayed(clean, kLongestSaying));
}

}  // namespace routedk::distill
