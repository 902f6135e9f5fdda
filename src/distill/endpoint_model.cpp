#include "routedk/distill/endpoint_model.h"

#include "routedk/core/random.h"
#include "routedk/io/parse_json.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <mutex>
#include <thread>

namespace routedk::distill {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestSaying = 200;  // bytes of an endpoint's own words in an error

/// The endpoint asks for a pause.
class Busy : public TransportError {
 public:
  Busy(const std::string& message, double retry_after) : TransportError(message), retry_after_(retry_after) {}
  double retry_after() const noexcept { return retry_after_; }

 private:
  double retry_after_;
};

/// The endpoint takes other requests, but not this one.
class Refused : public ConfigError {
 public:
  using ConfigError::ConfigError;
};

/// "https://a.b:8000/v1" -> "a.b"
std::string host_of(const std::string& url) {
  const std::size_t begin = std::min(url.find("://"), url.size() - 3) + 3;
  if (url[begin] == '[') {
    return url.substr(begin, url.find(']', begin) - begin + 1);
  }
  return url.substr(begin, url.find_first_of(":/?#", begin) - begin);
}

bool is_this_machine(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host == "127.0.0.1";
}

void check(const EndpointOptions& options) {
  const bool secure = options.url.starts_with("https://");
  if (!secure && !options.url.starts_with("http://")) {
    throw_<ConfigError>("An endpoint's URL must be http://... or https://..., but is `{}` instead.",
                        options.url);
  }
  if (options.url.find('@') != std::string::npos) {
    throw_<ConfigError>("An endpoint's URL must hold no user name or password, but does.");
  }
  if (!secure && !options.key.empty() && !is_this_machine(host_of(options.url))) {
    throw_<ConfigError>("A key must go to https or to this machine, but the endpoint is `{}` instead.",
                        options.url);
  }
  if (options.key.find_first_of("\r\n") != std::string::npos) {
    throw_<ConfigError>("A key must be one line, but has several.");
  }
}

bool may_pass(long status) {
  return status == 408 || status == 429 || status >= 500;
}

/// Bad request, content too large, unprocessable content: what is asked is at fault.
bool refuses_request(long status) {
  return status == 400 || status == 413 || status == 422;
}

std::int64_t token_count(const io::Json& json, const char* name) {
  const auto usage = json.find("usage");
  if (usage == json.end() || !usage->is_object()) {
    return 0;
  }
  const auto count = usage->find(name);
  return count != usage->end() && count->is_number_integer()
             ? std::max<std::int64_t>(count->get<std::int64_t>(), 0)
             : 0;
}

/// TransportError where the response is no chat completion.
ChatReply reply_in(const std::string& body) {
  try {
    const io::Json json = io::parse_json(body, "the response");
    const io::Json& choice = json.at("choices").at(0);
    ChatReply reply;
    reply.text = choice.at("message").at("content").get<std::string>();
    const auto reason = choice.find("finish_reason");
    reply.finished = reason == choice.end() || *reason != "length";
    reply.prompt_tokens = token_count(json, "prompt_tokens");
    reply.completion_tokens = token_count(json, "completion_tokens");
    return reply;
  } catch (const io::Json::exception& error) {
    throw_<TransportError>("A response must be a chat completion, but is none: {}.", error.what());
  } catch (const FileError&) {  // its text may quote the response, which may quote the key
    throw_<TransportError>("A response must be a chat completion, but is no JSON.");
  }
}

std::string error_message(const std::string& body) {
  try {
    return io::parse_json(body, "the response").at("error").at("message").get<std::string>();
  } catch (const io::Json::exception&) {
    return {};
  } catch (const FileError&) {
    return {};
  }
}

std::string authorization(const std::string& key) {
  return "Authorization: Bearer " + key;
}

}  // namespace

EndpointModel::EndpointModel(EndpointOptions options, Sleep sleep)
    : options_(std::move(options)), sleep_(std::move(sleep)) {
  check(options_);
  while (options_.url.ends_with('/')) {
    options_.url.pop_back();
  }
  options_.http.use_proxy = !is_this_machine(host_of(options_.url));
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
  std::mutex mutex;  // of the sink and the error
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
      next = requests.size();  // the other threads end with what they have begun
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

ChatReply EndpointModel::reply_or_refusal(HttpClient& client, const ChatRequest& request) const {
  try {
    return reply_to(client, request);
  } catch (const Refused& refused) {
    ChatReply reply;
    reply.refusal = refused.what();
    return reply;
  }
}

ChatReply EndpointModel::reply_to(HttpClient& client, const ChatRequest& request) const {
  const std::string body = request_body(request);
  for (int attempts = 1;; ++attempts) {
    double retry_after = 0.0;
    try {
      return attempt(client, body);
    } catch (const Busy& busy) {
      retry_after = busy.retry_after();
      if (retry_after > options_.longest_wait) {
        throw_<SystemError>("An endpoint must ask for a pause of at most {} s, but asks for {} s: {}",
                            options_.longest_wait, retry_after, busy.what());
      }
      if (attempts == options_.attempts) {
        throw;
      }
    } catch (const TransportError&) {
      if (attempts == options_.attempts) {
        throw;
      }
    }
    sleep_(wait_before(attempts, request.key, retry_after));
  }
}

ChatReply EndpointModel::attempt(HttpClient& client, const std::string& body) const {
  const auto start = Clock::now();
  const HttpResponse response = client.post(options_.url + "/chat/completions", body);
  if (may_pass(response.status)) {
    throw Busy(fmt::format("An endpoint must accept requests, but answers {}{} ({}).", response.status,
                           said(response.body), options_.url),
               response.retry_after.value_or(0.0));
  }
  if (response.status >= 300 && response.status < 400) {
    throw_<ConfigError>("An endpoint must answer where it is asked, but redirects with {} ({}).",
                        response.status, options_.url);
  }
  if (refuses_request(response.status)) {
    throw_<Refused>("An endpoint must accept requests, but answers {}{} ({}).", response.status,
                    said(response.body), options_.url);
  }
  if (response.status < 200 || response.status >= 300) {
    throw_<ConfigError>("An endpoint must accept requests, but answers {}{} ({}).", response.status,
                        said(response.body), options_.url);
  }
  ChatReply reply = reply_in(response.body);
  reply.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return reply;
}

/// Exponential, half of it jittered, so that clients that failed together don't come back together.
double EndpointModel::wait_before(int attempt, std::uint64_t key, double retry_after) const {
  const double full = std::min(options_.longest_wait, options_.first_wait * std::exp2(attempt - 1));
  const double jitter =
      Random(options_.sampling.seed, "backoff", {key, static_cast<std::uint64_t>(attempt)}).uniform();
  return std::max(retry_after, full * (0.5 + 0.5 * jitter));
}

std::string EndpointModel::request_body(const ChatRequest& request) const {
  io::Json messages = io::Json::array();
  for (const text::ChatMessage& message : request.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  const io::Json json = {
      {"model", options_.model},
      {"messages", messages},
      {"temperature", options_.sampling.temperature},
      {"max_tokens", options_.sampling.max_tokens},
      {"seed", random_key(options_.sampling.seed, "chat", {request.key}) >> 33U}};  // 31 bits
  return json.dump(-1, ' ', false, io::Json::error_handler_t::replace);
}

/// The endpoint's own words, cut short, without the key.
std::string EndpointModel::said(const std::string& body) const {
  std::string message = error_message(body);
  for (std::size_t at = 0;
       !options_.key.empty() && (at = message.find(options_.key, at)) != std::string::npos;) {
    message.replace(at, options_.key.size(), "***");
  }
  std::ranges::replace_if(
      message, [](unsigned char c) { return c < ' '; }, ' ');
  return message.empty() ? "" : fmt::format(" (\"{}\")", message.substr(0, kLongestSaying));
}

}  // namespace routedk::distill
