// Built where Gloo's headers are not installed.
#include "routedk/core/error.h"

#include "backend.h"

namespace routedk::parallel {

std::shared_ptr<Backend> join(const Launch& launch, const Patience& /*patience*/) {
  throw_<ConfigError>(
      "this build trains in one process, but it was started as rank {} of {}: build it where Gloo's headers "
      "are "
      "installed (Debian: libgloo-dev)",
      launch.rank, launch.size);
}

}  // namespace routedk::parallel
