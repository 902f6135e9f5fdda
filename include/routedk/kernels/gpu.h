/// The GPUs of this machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace routedk::kernels {

/// Whether this build has CUDA code.
bool built_with_cuda() noexcept;
/// How many GPUs the driver shows; 0 in a build without CUDA.
int gpu_count() noexcept;
/// Why GPU `index` cannot be used, after "but": "the driver shows none"; nothing where it can.
std::optional<std::string> gpu_problem(int index);

/// "NVIDIA H100 80GB HBM3"; Error without such a GPU.
std::string gpu_name(int index);
/// What follows on this thread runs on it.
void use_gpu(int index);

/// Bytes of the current GPU that nobody has taken, those that LibTorch's allocator keeps among them; 0
/// without.
std::int64_t gpu_free_bytes();
/// Bytes that LibTorch's allocator has handed out on the current GPU at most since the last reset; 0 without.
std::int64_t gpu_peak_bytes();
void reset_gpu_peak();

}  // namespace routedk::kernels
