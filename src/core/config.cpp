#include "routedk/core/config.h"

#include "routedk/core/error.h"

#include <algorithm>

#include <fmt/ranges.h>

namespace routedk {
namespace {

constexpr std::size_t kMostProblems = 20;  // shown at most

}  // namespace

void throw_problems(const std::vector<std::string>& problems) {
  if (!problems.empty()) {
    const std::size_t shown = std::min(problems.size(), kMostProblems);
    std::vector<std::string> lines(shown);
    std::transform(problems.begin(), problems.begin() + static_cast<std::ptrdiff_t>(shown), lines.begin(),
                   [](const std::string& problem) { return displayed(problem, kMostMessage); });
    if (shown < problems.size()) {
      lines.push_back(fmt::format("and {} more problems", problems.size() - shown));
    }
    throw ConfigError(fmt::format("{}", fmt::join(lines, "\n")));
  }
}

}  // namespace routedk
