/// Where an endpoint is asked.
#pragma once

#include <string>
#include <vector>

namespace routedk::distill {

/// Addresses of chat completions that a URL can mean, the likeliest first: itself where it ends in
/// /chat/completions; below it where it ends in a version (/v1); otherwise below it and below its /v1, the
/// latter first where it has no path. A query is kept. ConfigError for a URL that is none or holds a user
/// name, password or key.
std::vector<std::string> chat_addresses(const std::string& url);

/// Whether the URL's host is this machine: localhost, 127.0.0.0/8 or [::1].
bool is_this_machine(const std::string& url);

}  // namespace routedk::distill
