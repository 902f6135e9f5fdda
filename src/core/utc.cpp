#include "routedk/core/utc.h"

#include <chrono>

#include <fmt/chrono.h>

namespace routedk {

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::now()));
}

}  // namespace routedk
