#include "launch.h"

#include "routedk/core/error.h"

namespace routedk::kernels::cuda {

void throw_device_error(const char* operation, const char* what) {
  throw_<Error>("a GPU failed in {}: {}", operation, what);
}

}  // namespace routedk::kernels::cuda
