#include "routedk/kernels/cpu/team.h"

#include <string>
#include <thread>
#include <utility>

#include "intrinsics.h"

namespace routedk::kernels::cpu {

bool Team::all_at_once() {
  static const bool openmp = at::get_parallel_info().find("backend: OpenMP") != std::string::npos;
  return openmp;
}

void Team::wait(std::int64_t places) noexcept {
  constexpr int kSpins = 4000;  // some hundred microseconds; then another's work may need this core
  const std::int64_t step = step_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(places, std::memory_order_acq_rel) + places == size_) {
    arrived_.store(0, std::memory_order_relaxed);
    step_.store(step + 1, std::memory_order_release);
    return;
  }
  const auto waiting = [&] {
    return step_.load(std::memory_order_acquire) == step && !failed_.load(std::memory_order_relaxed);
  };
  for (int spins = 0; waiting(); ++spins) {
    if (spins < kSpins) {
      _mm_pause();
    } else {
      std::this_thread::yield();
    }
  }
}

void Team::fail(std::exception_ptr error) noexcept {
  const std::lock_guard lock(mutex_);
  if (!failed_.exchange(true)) {
    error_ = std::move(error);
  }
}

}  // namespace routedk::kernels::cpu
