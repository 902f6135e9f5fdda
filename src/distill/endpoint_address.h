/// The addresses of an endpoint.
#pragma once

#include <string>
#include <vector>

namespace routedk::distill {

/// The possible addresses of chat completions for a URL, most likely first: the URL itself if it ends in
/// /chat/completions; below it if it ends in a version (/v1); otherwise below it and below its /v1, the
/// latter first if it has no path. A query is kept. ConfigError for an invalid URL or one with a user name,
/// password or key.
std::vector<std::string> chat_addresses(const std::string& url);

/// Whether the URL's host is this machine: localhost, 127.0.0.0/8 or [::1].
bool is_this_machine(const std::string& url);

}  // namespace routedk::distill
