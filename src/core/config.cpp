#include "routedk/core/config.h"

#include "routedk/core/error.h"

#include <fmt/ranges.h>

namespace routedk {

void throw_problems(const std::vector<std::string>& problems) {
  if (!problems.empty()) {
    throw_<ConfigError>("{}", fmt::join(problems, "\n"));
  }
}

}  // namespace routedk
