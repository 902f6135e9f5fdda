#include "routedk/core/thread_spreader.h"

#include "routedk/core/running_threads.h"

#include <atomic>
#include <chrono>
#include <latch>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

namespace routedk {
namespace {

/// A thread that never rests, and may run on any CPU that this one may.
class BusyThread {
 public:
  BusyThread() : thread_([this](const std::stop_token& stop) { work(stop); }) { started_.wait(); }
  pid_t id() const { return id_; }

 private:
  void work(const std::stop_token& stop) {
    id_ = gettid();
    started_.count_down();
    while (!stop.stop_requested()) {
    }
  }

  pid_t id_ = 0;
  std::latch started_{1};
  std::jthread thread_;
};

TEST(ThreadSpreader, leaves_masks_as_they_were_and_threads_apart) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  if (CPU_COUNT(&before) < 2) {
    GTEST_SKIP() << "needs 2 CPUs";
  }
  const BusyThread one;
  const BusyThread other;
  const ThreadSpreader spreader;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  bool apart = false;
  while (!apart && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::vector<RunningThread> running = running_threads();
    std::erase_if(running, [&](const RunningThread& t) { return t.id != one.id() && t.id != other.id(); });
    apart = running.size() == 2 && sharing_thread(running) == nullptr;
  }
  EXPECT_TRUE(apart);
  for (const pid_t thread : {one.id(), other.id()}) {
    cpu_set_t now;
    ASSERT_EQ(sched_getaffinity(thread, sizeof now, &now), 0);
    EXPECT_TRUE(CPU_EQUAL(&now, &before));
  }
}

}  // namespace
}  // namespace routedk
