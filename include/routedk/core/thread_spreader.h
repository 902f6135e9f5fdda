/// Keeps the running threads of this process on different CPUs.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

namespace routedk {

/// Where all CPUs are busy, Linux wakes a thread on the CPU of the thread that it waited for. Threads that
/// wait for each other then take turns on one CPU, while a process of the lowest priority has the other.
/// While it lives, this looks for two threads on one CPU and moves one to a CPU that has none of ours, if its
/// affinity mask allows one; the mask stays as it was. A look costs some 15 us a thread, every 20 ms, every 4
/// ms after a move, and at most 1 % of a CPU.
class ThreadSpreader {
 public:
  ThreadSpreader();
  ThreadSpreader(const ThreadSpreader&) = delete;
  ThreadSpreader& operator=(const ThreadSpreader&) = delete;
  ~ThreadSpreader() = default;

 private:
  void work(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;
};

}  // namespace routedk
