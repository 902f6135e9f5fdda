/// Keeps the running threads of this process on different CPUs.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

namespace routedk {

/// If all CPUs are busy, Linux wakes a thread on the CPU of the thread that it waited for. Threads that wait
/// for each other then take turns on one CPU, while a process of the lowest priority has the other. While
/// this object exists, it looks for two threads on one CPU and moves one to a CPU without any of ours, if its
/// affinity mask allows that; the mask is not changed. A check costs about 15 us per thread, every 20 ms
/// (every 4 ms after a move), and at most 1 % of a CPU.
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
