#include "routedk/core/error.h"

#include "routedk/core/stop_signal.h"

namespace routedk {

int exit_code(const std::exception& error) noexcept {
  if (const auto* stopped = dynamic_cast<const Interrupted*>(&error)) {
    return 128 + stopped->signal();
  }
  return dynamic_cast<const UserError*>(&error) != nullptr ? 2 : 1;
}

}  // namespace routedk
