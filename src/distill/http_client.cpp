#include "routedk/distill/http_client.h"

#include <array>
#include <new>
#include <string_view>

#include <curl/curl.h>

namespace routedk::distill {
namespace {

long milliseconds(double seconds) {
  return static_cast<long>(seconds * 1000.0);
}

/// Once per process, before the first handle.
void initialise_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) {
    throw_<SystemError>("libcurl must start, but says: {}.", curl_easy_strerror(code));
  }
}

}  // namespace

struct HttpClient::Handle {
  CURL* curl = nullptr;
  curl_slist* headers = nullptr;
  HttpOptions options;
  std::string body{};
  bool too_long = false;
  std::array<char, CURL_ERROR_SIZE> message{};

  explicit Handle(HttpOptions given) : options(std::move(given)) {
    initialise_curl();
    curl = curl_easy_init();
    if (curl == nullptr) {
      throw_<SystemError>("libcurl must give a handle, but gives none.");
    }
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
  }

  template <typename Value>
  void set(CURLoption option, Value value) {
    if (const CURLcode code = curl_easy_setopt(curl, option, value); code != CURLE_OK) {
      throw_<SystemError>("libcurl must take its options, but says: {}.", curl_easy_strerror(code));
    }
  }

  void add_header(const std::string& header) {
    curl_slist* longer = curl_slist_append(headers, header.c_str());
    if (longer == nullptr) {
      throw std::bad_alloc();
    }
    headers = longer;
  }

  /// Receives a piece of the response; returning fewer bytes than given aborts the transfer.
  static std::size_t take(const char* data, std::size_t /*one*/, std::size_t size, void* self) {
    auto& handle = *static_cast<Handle*>(self);
    handle.too_long = size > handle.options.max_bytes - handle.body.size();
    if (handle.too_long) {
      return 0;
    }
    handle.body.append(data, size);
    return size;
  }

  void configure();
  [[noreturn]] void fail(CURLcode code, const std::string& url) const;
};

void HttpClient::Handle::configure() {
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options.connect_seconds));
  set(CURLOPT_TIMEOUT_MS, milliseconds(options.connect_seconds + options.read_seconds));
  set(CURLOPT_NOSIGNAL, 1L);  // timeouts without SIGALRM, which is not thread-safe
  set(CURLOPT_ERRORBUFFER, message.data());
  set(CURLOPT_WRITEFUNCTION, &Handle::take);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  if (!options.use_proxy) {
    set(CURLOPT_PROXY, "");
  }
  if (!options.ca_file.empty()) {
    set(CURLOPT_CAINFO, options.ca_file.c_str());
  }
}

void HttpClient::Handle::fail(CURLcode code, const std::string& url) const {
  const char* why = message[0] != '\0' ? message.data() : curl_easy_strerror(code);
  if (too_long) {
    throw_<SystemError>("A response must have at most {} bytes, but has more ({}).", options.max_bytes, url);
  }
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      throw_<ConfigError>("An endpoint's URL must be http://... or https://..., but is `{}` instead: {}.",
                          url, why);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      throw_<ConfigError>("An endpoint's certificate must be trusted, but is not: {} ({}).", why, url);
    default:
      throw_<TransportError>("An endpoint must respond, but does not: {} ({}).", why, url);
  }
}

HttpClient::HttpClient(HttpOptions options, const std::vector<std::string>& headers)
    : handle_(std::make_unique<Handle>(std::move(options))) {
  handle_->add_header("Content-Type: application/json");
  handle_->add_header("Expect:");  // no delay before a long body
  for (const std::string& header : headers) {
    handle_->add_header(header);
  }
  handle_->configure();
}

HttpClient::~HttpClient() = default;

HttpResponse HttpClient::post(const std::string& url, const std::string& body) {
  Handle& handle = *handle_;
  handle.body.clear();
  handle.too_long = false;
  handle.message[0] = '\0';
  handle.set(CURLOPT_URL, url.c_str());
  handle.set(CURLOPT_POSTFIELDS, body.c_str());
  handle.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  if (const CURLcode code = curl_easy_perform(handle.curl); code != CURLE_OK) {
    handle.fail(code, url);
  }
  HttpResponse response;
  curl_easy_getinfo(handle.curl, CURLINFO_RESPONSE_CODE, &response.status);
  response.body = std::move(handle.body);
  curl_off_t wait = 0;
  if (curl_easy_getinfo(handle.curl, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0) {
    response.retry_after = static_cast<double>(wait);
  }
  return response;
}

}  // namespace routedk::distill
