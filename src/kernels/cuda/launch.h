/// Kernel launches.
#pragma once

#include "device.h"

namespace routedk::kernels::cuda {

struct Grid {
  dim3 blocks;
  unsigned threads;        ///< per block, whole warps
  std::size_t shared = 0;  ///< bytes of dynamic shared memory per block
};

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
/// Blocks for `count` threads; larger counts are handled by a grid-stride loop.
inline Grid grid_for(std::int64_t count, unsigned threads = 256) {
  constexpr std::int64_t kMost = 132 * 32;  // several waves on a large GPU
  const std::int64_t blocks = ceil_div(count, threads);
  return {dim3(static_cast<unsigned>(blocks < 1 ? 1 : blocks < kMost ? blocks : kMost)), threads};
}

/// Error: "a GPU failed in OPERATION: WHAT".
[[noreturn]] void throw_device_error(const char* operation, const char* what);

#ifdef ROUTEDK_EMULATE_CUDA
template <typename... Params, typename... Args>
void launch(const char* /*operation*/, void (*kernel)(Params...), const Grid& grid, Stream /*stream*/,
            const Args&... args) {
  emulator::run(grid.blocks, grid.threads, grid.shared, [=] { kernel(args...); });
}
#elif defined(__CUDACC__)
/// The Error names the operation; a kernel that fails while running is reported by a later operation. A null
/// attribute means none.
template <typename... Params, typename... Args>
void launch_with(cudaLaunchAttribute* attribute, const char* operation, void (*kernel)(Params...),
                 const Grid& grid, Stream stream, const Args&... args) {
  constexpr std::size_t kWithoutAsking = 48 << 10;
  cudaError_t error = cudaSuccess;
  if (grid.shared > kWithoutAsking) {
    error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(grid.shared));
  }
  if (error == cudaSuccess) {
    cudaLaunchConfig_t config{};
    config.gridDim = grid.blocks;
    config.blockDim = dim3(grid.threads);
    config.dynamicSmemBytes = grid.shared;
    config.stream = stream;
    config.attrs = attribute;
    config.numAttrs = attribute != nullptr ? 1 : 0;
    error = cudaLaunchKernelEx(&config, kernel, static_cast<Params>(args)...);
  }
  if (error != cudaSuccess) {
    throw_device_error(operation, cudaGetErrorString(error));
  }
}

template <typename... Params, typename... Args>
void launch(const char* operation, void (*kernel)(Params...), const Grid& grid, Stream stream,
            const Args&... args) {
  launch_with(nullptr, operation, kernel, grid, stream, args...);
}
#endif

}  // namespace routedk::kernels::cuda
