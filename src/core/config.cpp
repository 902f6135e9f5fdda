#include "routedk/core/config.h"

#include "routedk/core/error.h"

#include <algorithm>

#include <fmt/ranges.h>

namespace routedk {

void throw_problems(const std::vector<std::string>& problems) {
  if (!problems.empty()) {
    std::vector<std::string> lines(problems.size());
    std::ranges::transform(problems, lines.begin(), [](const auto& problem) { return escaped(problem); });
    throw ConfigError(fmt::format("{}", fmt::join(lines, "\n")));
  }
}

}  // namespace routedk
