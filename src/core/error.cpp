#include "routedk/core/error.h"

namespace routedk {

int exit_code(const std::exception& error) noexcept {
  return dynamic_cast<const UserError*>(&error) != nullptr ? 2 : 1;
}

}  // namespace routedk
