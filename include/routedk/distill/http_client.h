/// One HTTP connection that posts JSON and trusts nobody: libcurl with everything bounded.
#pragma once

#include "routedk/core/error.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace routedk::distill {

/// The other side could not be reached, broke off or took too long: another try may succeed.
class TransportError : public SystemError {
 public:
  using SystemError::SystemError;
};

struct HttpOptions {
  double connect_seconds = 10.0;      ///< until the connection stands
  double read_seconds = 120.0;        ///< until the response is whole, however it drips
  std::size_t max_bytes = 8U << 20U;  ///< of a response
  std::string ca_file;                ///< PEM file of who may sign certificates; empty: the system's
  bool use_proxy = true;              ///< where the environment names one
};

struct HttpResponse {
  long status = 0;
  std::string body;
  std::optional<double> retry_after;  ///< seconds, from Retry-After in either of its forms
};

class HttpClient {
 public:
  /// `headers` go with every request: "Name: value". They never appear in an error.
  HttpClient(HttpOptions options, const std::vector<std::string>& headers);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// Certificates are verified and redirects are not followed: a 3xx is a response like another.
  /// TransportError as above; ConfigError for a URL that is none and a certificate that is not trusted;
  /// SystemError for a response longer than max_bytes.
  HttpResponse post(const std::string& url, const std::string& body);

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace routedk::distill
