/// Blanks around a text.
#pragma once

#include <string_view>

namespace routedk::text {

/// Without the characters at both ends that Python's str.strip takes (str.isspace), as Jinja's `trim` does.
std::string_view trim(std::string_view text);

}  // namespace routedk::text
