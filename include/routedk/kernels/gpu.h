/// The GPUs of this machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace routedk::kernels {

/// Whether this build has CUDA code.
bool built_with_cuda() noexcept;
/// The number of GPUs that the driver shows; 0 in a build without CUDA.
int gpu_count() noexcept;
/// Why GPU `index` cannot be used, worded to follow "but": "the driver shows none"; nothing if it can.
std::optional<std::string> gpu_problem(int index);

/// "NVIDIA H100 80GB HBM3"; Error if there is no such GPU.
std::string gpu_name(int index);
/// Makes it the current GPU of this thread.
void use_gpu(int index);

/// Free bytes of the current GPU, including those that LibTorch's allocator has cached; 0 without a GPU.
std::int64_t gpu_free_bytes();
/// Peak bytes that LibTorch's allocator has handed out on the current GPU since the last reset; 0 without.
std::int64_t gpu_peak_bytes();
void reset_gpu_peak();

}  // namespace routedk::kernels
