/// A chat endpoint on this machine that misbehaves as it is told.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <httplib.h>

namespace routedk::distill {

/// A whole chat completion.
inline std::string completion(const std::string& content) {
  return R"({"choices": [{"message": {"role": "assistant", "content": ")" + content +
         R"("}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 7, "completion_tokens": 3}})";
}

class FaultyServer {
 public:
  using Fault = std::function<void(const httplib::Request&, httplib::Response&)>;

  explicit FaultyServer(std::unique_ptr<httplib::Server> server = std::make_unique<httplib::Server>())
      : server_(std::move(server)) {
    server_->Post("/v1/chat/completions", [this](const httplib::Request& request,
                                                 httplib::Response& response) { answer(request, response); });
    port_ = server_->bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    while (!server_->is_running()) {
      std::this_thread::yield();
    }
  }
  FaultyServer(const FaultyServer&) = delete;
  FaultyServer& operator=(const FaultyServer&) = delete;
  ~FaultyServer() {
    server_->stop();
    thread_.join();
  }

  /// What the next requests get, one each; after that all is well.
  void script(std::deque<Fault> faults) { faults_ = std::move(faults); }
  /// What a request gets when the script is at its end.
  void usually(Fault reply) { usual_ = std::move(reply); }

  std::string url(const std::string& scheme = "http") const {
    return scheme + "://127.0.0.1:" + std::to_string(port_) + "/v1";
  }
  std::vector<httplib::Request> requests() {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }

 private:
  void answer(const httplib::Request& request, httplib::Response& response) {
    Fault fault = usual_;
    {
      const std::scoped_lock lock(mutex_);
      requests_.push_back(request);
      if (!faults_.empty()) {
        fault = std::move(faults_.front());
        faults_.pop_front();
      }
    }
    fault(request, response);
  }

  std::unique_ptr<httplib::Server> server_;
  int port_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::deque<Fault> faults_;
  Fault usual_ = [](const httplib::Request&, httplib::Response& response) {
    response.set_content(completion("hello"), "application/json");
  };
  std::vector<httplib::Request> requests_;
};

/// A status, with headers and a body.
inline FaultyServer::Fault status(int code, const httplib::Headers& headers = {},
                                  const std::string& body = "") {
  return [=](const httplib::Request&, httplib::Response& response) {
    response.status = code;
    response.headers.insert(headers.begin(), headers.end());
    response.set_content(body, "application/json");
  };
}

/// 200 with this body.
inline FaultyServer::Fault body(const std::string& text) {
  return status(200, {}, text);
}

}  // namespace routedk::distill
