#include "routedk/kernels/cpu/team.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "intrinsics.h"
#include <sched.h>

namespace routedk::kernels::cpu {
namespace {

/// Longer than any wait for a running thread; after that the CPU is better left to others. Spinning for a
/// shorter time costs more than it saves where all CPUs are busy: a thread that wakes up then waits up to 4
/// ms for a CPU (docs/threads.md).
constexpr std::chrono::milliseconds kSpin{1};

/// The CPU on which each place of a team last ran, kept across teams, since their threads stay the same.
std::array<std::atomic<int>, 256> last_cpu{};  // CPU + 1; 0: unknown

/// Records the CPU of the calling thread, whose first place is `first`. Returns whether another thread of the
/// team last ran on that CPU: it cannot run while this one spins.
bool shares_cpu(std::int64_t first, std::int64_t size) {
  const int cpu = sched_getcpu() + 1;
  const auto places = std::min<std::size_t>(static_cast<std::size_t>(size), last_cpu.size());
  bool shared = false;
  for (std::size_t i = 0; i < places; ++i) {
    const int seen = last_cpu[i].load(std::memory_order_relaxed);
    if (static_cast<std::int64_t>(i) == first) {
      if (seen != cpu) {
        last_cpu[i].store(cpu, std::memory_order_relaxed);
      }
    } else {
      shared = shared || seen == cpu;
    }
  }
  return shared;
}

template <typename Condition>
void spin_while(const Condition& waiting) {
  constexpr int kPauses = 16;  // between clock reads
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < kPauses; ++i) {
      if (!waiting()) {
        return;
      }
      _mm_pause();
    }
  } while (std::chrono::steady_clock::now() < end);
}

}  // namespace

bool Team::all_at_once() {
  static const bool openmp = at::get_parallel_info().find("backend: OpenMP") != std::string::npos;
  return openmp;
}

void Team::wait(std::int64_t first, std::int64_t places) noexcept {
  const bool shared = shares_cpu(first, size_);
  const std::uint32_t step = step_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(places, std::memory_order_acq_rel) + places == size_) {
    arrived_.store(0, std::memory_order_relaxed);
    advance();
    return;
  }
  const auto waiting = [&] {
    return step_.load(std::memory_order_acquire) == step && !failed_.load(std::memory_order_relaxed);
  };
  if (!shared) {
    spin_while(waiting);
  }
  while (waiting()) {
    step_.wait(step, std::memory_order_acquire);
  }
}

void Team::advance() noexcept {
  step_.fetch_add(1);
  step_.notify_all();  // makes a system call only if a thread sleeps
}

void Team::fail(std::exception_ptr error) noexcept {
  const std::lock_guard lock(mutex_);
  if (!failed_.exchange(true)) {
    error_ = std::move(error);
    advance();  // wakes sleeping threads, which then see failed_
  }
}

}  // namespace routedk::kernels::cpu
