/// GPU queries in a build without CUDA.
#include "routedk/core/error.h"
#include "routedk/kernels/gpu.h"

namespace routedk::kernels {

bool built_with_cuda() noexcept {
  return false;
}
int gpu_count() noexcept {
  return 0;
}
std::optional<std::string> gpu_problem(int /*index*/) {
  return "this build has no CUDA";
}
std::string gpu_name(int /*index*/) {
  throw_<Error>("a GPU needs a build with CUDA, but this build has none");
}
void use_gpu(int /*index*/) {
  throw_<Error>("a GPU needs a build with CUDA, but this build has none");
}
std::int64_t gpu_free_bytes() {
  return 0;
}
std::int64_t gpu_peak_bytes() {
  return 0;
}
void reset_gpu_peak() {}

}  // namespace routedk::kernels
