/// Launches of consecutive kernels in a graph.
#pragma once

#include <algorithm>
#include <cstdint>

#include "launch.h"

namespace routedk::kernels::cuda {

#ifdef ROUTEDK_EMULATE_CUDA
inline int multiprocessors() {
  return 6;
}
inline std::size_t emulated_shared = 232448;  // bytes, of an H100
inline std::size_t most_shared() {
  return emulated_shared;
}
template <typename... Params, typename... Args>
void launch_dependent(const char* operation, void (*kernel)(Params...), const Grid& grid, Stream stream,
                      const Args&... args) {
  launch(operation, kernel, grid, stream, args...);
}
#else
inline int device_attribute(cudaDeviceAttr attribute) {
  int device = 0;
  int value = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&value, attribute, device);
  return value;
}
inline int multiprocessors() {
  static const int count = device_attribute(cudaDevAttrMultiProcessorCount);
  return count;
}
/// The most shared memory of a block, in bytes.
inline std::size_t most_shared() {
  static const int bytes = device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
  return static_cast<std::size_t>(bytes);
}
/// Like launch; from compute capability 9.0 the kernel's blocks may start before the previous kernel has
/// ended, so it must call wait_for_kernels_before.
template <typename... Params, typename... Args>
void launch_dependent(const char* operation, void (*kernel)(Params...), const Grid& grid, Stream stream,
                      const Args&... args) {
  static const bool programmatic = device_attribute(cudaDevAttrComputeCapabilityMajor) >= 9;
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  launch_with(programmatic ? &attribute : nullptr, operation, kernel, grid, stream, args...);
}
#endif

}  // namespace routedk::kernels::cuda
