#include "routedk/kernels/gpu.h"

#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <fmt/format.h>

namespace routedk::kernels {
namespace {

constexpr int kLeastMajor = 8;  // for bfloat16 and asynchronous copies
constexpr auto kAll = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);

/// The allocator's statistics exist only once a tensor has been on a GPU.
bool allocates() {
  return gpu_count() > 0 && c10::cuda::CUDACachingAllocator::get()->initialized();
}

}  // namespace

bool built_with_cuda() noexcept {
  return true;
}

int gpu_count() noexcept {
  return c10::cuda::device_count();
}

std::optional<std::string> gpu_problem(int index) {
  const int count = gpu_count();
  if (count == 0) {
    return "the driver shows no GPU";
  }
  if (index >= count) {
    return fmt::format("the driver shows {} of them", count);
  }
  const cudaDeviceProp* properties = at::cuda::getDeviceProperties(static_cast<c10::DeviceIndex>(index));
  if (properties->major < kLeastMajor) {
    return fmt::format("{} has compute capability {}.{}, below {}.0", properties->name, properties->major,
                       properties->minor, kLeastMajor);
  }
  return std::nullopt;
}

std::string gpu_name(int index) {
  return at::cuda::getDeviceProperties(static_cast<c10::DeviceIndex>(index))->name;
}

void use_gpu(int index) {
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(index));
}

std::int64_t gpu_free_bytes() {
  if (!allocates()) {
    return 0;
  }
  const auto device = at::cuda::current_device();
  const auto [free, total] = c10::cuda::CUDACachingAllocator::get()->getMemoryInfo(device);
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device);
  return static_cast<std::int64_t>(free) + stats.reserved_bytes[kAll].current -
         stats.allocated_bytes[kAll].current;
}

std::int64_t gpu_peak_bytes() {
  if (!allocates()) {
    return 0;
  }
  const auto device = at::cuda::current_device();
  return c10::cuda::CUDACachingAllocator::getDeviceStats(device).allocated_bytes[kAll].peak;
}

void reset_gpu_peak() {
  if (allocates()) {
    c10::cuda::CUDACachingAllocator::resetPeakStats(at::cuda::current_device());
  }
}
}  // namespace routedk::kernels
