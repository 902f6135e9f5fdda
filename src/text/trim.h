/// Removes white space around a text.
#pragma once

#include <string_view>

namespace routedk::text {

/// Without the characters at both ends that Python's str.strip removes (str.isspace), as in Jinja's `trim`.
std::string_view trim(std::string_view text);

}  // namespace routedk::text
