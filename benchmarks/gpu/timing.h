/// Timing for the GPU benchmarks.
#pragma once

#include <chrono>

#include <ATen/ATen.h>

namespace routedk::benchmarks {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Waits until the GPU has computed it.
inline void wait_for(const at::Tensor& result) {
  (void)result.reshape(-1)[0].item<float>();
}

/// Runs f, which returns `result`, several times after a warm-up; returns the seconds per run.
template <typename F>
double seconds_of(int times, const at::Tensor& result, const F& f) {
  f();
  wait_for(result);
  const auto start = Clock::now();
  for (int i = 0; i < times; ++i) {
    f();
  }
  wait_for(result);
  return seconds_since(start) / times;
}

/// Bytes read and written per second of copying.
inline double copy_bandwidth(at::Device device) {
  const at::Tensor from = at::zeros({1 << 30}, at::TensorOptions(device).dtype(at::kFloat));
  const at::Tensor to = at::empty_like(from);
  return 2.0 * static_cast<double>(from.nbytes()) / seconds_of(10, to, [&] { to.copy_(from); });
}

}  // namespace routedk::benchmarks
