#include "routedk/core/thread_spreader.h"

#include "routedk/core/running_threads.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <vector>

#include <unistd.h>

namespace routedk {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSeldom{20};
constexpr std::chrono::milliseconds kOften{4};
constexpr std::chrono::seconds kOftenAfterMove{1};
constexpr int kRest = 100;  // idle time, as a multiple of that of a check, which grows with the threads

/// CPU time of the calling thread.
std::chrono::nanoseconds cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// Moves one of two threads that share a CPU; false if there are none, or no free CPU.
bool spread_once() {
  std::vector<RunningThread> running = running_threads();
  std::erase_if(running, [self = ::gettid()](const RunningThread& thread) { return thread.id == self; });
  const RunningThread* const sharing = sharing_thread(running);
  cpu_set_t allowed;
  if (sharing == nullptr || ::sched_getaffinity(sharing->id, sizeof allowed, &allowed) != 0) {
    return false;
  }
  const cpu_set_t free = free_cpus(running, allowed);
  if (CPU_COUNT(&free) == 0) {
    return false;
  }
  // Fails for a thread that has ended meanwhile, which is harmless.
  ::sched_setaffinity(sharing->id, sizeof free, &free);
  ::sched_setaffinity(sharing->id, sizeof allowed, &allowed);
  return true;
}

}  // namespace

ThreadSpreader::ThreadSpreader() : thread_([this](const std::stop_token& stop) { work(stop); }) {}

void ThreadSpreader::work(const std::stop_token& stop) {
  Clock::time_point often_until;
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const Clock::time_point now = Clock::now();
    const std::chrono::nanoseconds begin = cpu_time();
    if (spread_once()) {
      often_until = now + kOftenAfterMove;
    }
    const std::chrono::nanoseconds pause = now < often_until ? kOften : kSeldom;
    stopped_.wait_for(lock, stop, std::max(pause, kRest * (cpu_time() - begin)), [] { return false; });
  }
}

}  // namespace routedk
