#include "endpoint_address.h"

#include "routedk/core/error.h"
#include "routedk/distill/endpoint_model.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace routedk::distill {
namespace {

constexpr std::string_view kCompletions = "/chat/completions";
constexpr std::array<std::string_view, 6> kSecretNames{"key",      "token",     "secret",
                                                       "password", "signature", "auth"};

/// "https://a.b:8000/v1" -> "a.b"
std::string host_of(const std::string& url) {
  const std::size_t begin = std::min(url.find("://"), url.size() - 3) + 3;
  if (url[begin] == '[') {
    return url.substr(begin, url.find(']', begin) - begin + 1);
  }
  return url.substr(begin, url.find_first_of(":/?#", begin) - begin);
}

std::string in_lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

/// "/v1", "/v1beta", "/api/v4"
bool ends_in_version(std::string_view path) {
  const std::string_view last = path.substr(path.rfind('/') + 1);
  return last.size() >= 2 && last[0] == 'v' && last[1] >= '0' && last[1] <= '9';
}

}  // namespace

void check_url(const std::string& url) {
  if (!url.starts_with("https://") && !url.starts_with("http://")) {
    throw_<ConfigError>("An endpoint's URL must be http://... or https://..., but is `{}` instead.", url);
  }
  if (url.find('@') != std::string::npos) {
    throw_<ConfigError>("An endpoint's URL must hold no user name or password, but does.");
  }
  const std::string lower = in_lower_case(url.substr(std::min(url.find_first_of("?#"), url.size())));
  if (std::ranges::any_of(kSecretNames,
                          [&](std::string_view name) { return lower.find(name) != std::string::npos; })) {
    throw_<ConfigError>(
        "An endpoint's URL must hold no key, but its query does: give the name of an environment "
        "variable as `teacher.endpoint.key_variable`.");
  }
}

std::vector<std::string> chat_addresses(const std::string& url) {
  check_url(url);
  const std::size_t question = std::min(url.find_first_of("?#"), url.size());
  const std::string query = url.substr(question);
  std::string base = url.substr(0, question);
  while (base.ends_with('/')) {
    base.pop_back();
  }
  const std::size_t host = base.find("://") + 3;
  const std::string path = base.substr(std::min(base.find('/', std::min(host, base.size())), base.size()));
  const auto below = [&](const std::string& version) {
    return base + version + std::string(kCompletions) + query;
  };
  if (path.ends_with(kCompletions)) {
    return {base + query};
  }
  if (ends_in_version(path)) {
    return {below("")};
  }
  return path.empty() ? std::vector{below("/v1"), below("")} : std::vector{below(""), below("/v1")};
}

bool is_this_machine(const std::string& url) {
  const std::string host = in_lower_case(host_of(url));
  in_addr four{};
  if (::inet_pton(AF_INET, host.c_str(), &four) == 1) {
    return (ntohl(four.s_addr) >> 24U) == 127;
  }
  in6_addr six{};
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets && ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &six) == 1) {
    return IN6_IS_ADDR_LOOPBACK(&six);
  }
  return host == "localhost";
}

}  // namespace routedk::distill
