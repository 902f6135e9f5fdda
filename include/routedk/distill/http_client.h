/// An HTTP connection that posts JSON and trusts no response: libcurl with limits on everything.
#pragma once

#include "routedk/core/error.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace routedk::distill {

/// The server could not be reached, disconnected or timed out: another attempt may succeed.
class TransportError : public SystemError {
 public:
  using SystemError::SystemError;
};

struct HttpOptions {
  double connect_seconds = 10.0;      ///< to establish the connection
  double read_seconds = 120.0;        ///< until the response is complete, even if it arrives slowly
  std::size_t max_bytes = 8U << 20U;  ///< of a response
  std::string ca_file;                ///< PEM file of certificate authorities; empty: the system's
  bool use_proxy = true;              ///< if the environment names one
};

struct HttpResponse {
  long status = 0;
  std::string body;
  std::optional<double> retry_after;  ///< seconds, from either form of Retry-After
};

class HttpClient {
 public:
  /// `headers` go with every request: "Name: value". They never appear in an error.
  HttpClient(HttpOptions options, const std::vector<std::string>& headers);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// Certificates are verified and redirects are not followed: a 3xx is an ordinary response. TransportError
  /// as above; ConfigError for an invalid URL and an untrusted certificate; SystemError for a response longer
  /// than max_bytes.
  HttpResponse post(const std::string& url, const std::string& body);

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace routedk::distill
