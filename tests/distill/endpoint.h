/// A fixture for tests of EndpointModel: a model that asks a server on this machine.
#pragma once

#include "routedk/distill/endpoint_model.h"

#include <mutex>
#include <string>
#include <vector>

#include "core/temporary_folder.h"
#include "distill/faulty_server.h"
#include "distill/replies.h"
#include <gtest/gtest.h>

namespace routedk::distill {

inline constexpr const char* kKey = "sk-very-secret";

/// A client that notes its waits instead of sleeping.
class Endpoint : public ::testing::Test {
 protected:
  Endpoint() {
    options_.url = server_.url();
    options_.model = "teacher-8b";
    options_.key = kKey;
    options_.sampling = {0.25, 99, 5};
  }

  std::vector<ChatReply> ask(std::vector<ChatRequest> requests = {{{{"user", "hi"}}, 1}}) {
    EndpointModel model(options_, [this](double seconds) {
      const std::scoped_lock lock(mutex_);
      waits_.push_back(seconds);
    });
    return replies_to(model, requests);
  }
  /// The message of the error that asking ends with.
  template <typename Error>
  std::string error() {
    return testing::message_of<Error>([&] { ask(); });
  }
  std::size_t sent() { return server_.requests().size(); }

  FaultyServer server_;
  EndpointOptions options_;
  std::mutex mutex_;
  std::vector<double> waits_;
};

}  // namespace routedk::distill
