#include "../../src/decode/step_threads.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace routedk::decode {
namespace {

/// What steps cost on two CPUs, in seconds, and how many were taken by one thread.
struct Machine {
  std::int64_t others = 0;
  double with_two = 0.004;
  double with_one = 0.006;
  double now = 0.0;

  /// Steps for `seconds`; the share of the time in which one thread alone computed.
  double share_of_one(StepThreads& threads, double seconds) {
    double alone = 0.0;
    const double end = now + seconds;
    while (now < end) {
      const std::int64_t count = threads.next(now);
      const double took = count == 1 ? with_one : with_two;
      alone += count == 1 ? took : 0.0;
      now += took;
      threads.took(took);
    }
    return alone / seconds;
  }
};

TEST(StepThreads, all_compute_while_there_is_a_cpu_for_each) {
  Machine machine;
  StepThreads threads(2, 2, [&] { return machine.others; });
  EXPECT_EQ(machine.share_of_one(threads, 20), 0.0);
}

TEST(StepThreads, fewer_compute_where_that_is_faster_and_all_again_when_the_other_process_ends) {
  Machine machine{1, 0.020, 0.006};
  StepThreads threads(2, 2, [&] { return machine.others; });
  machine.share_of_one(threads, 2);
  EXPECT_GT(machine.share_of_one(threads, 20), 0.8);
  machine.others = 0;
  machine.with_two = 0.004;
  machine.share_of_one(threads, 0.2);
  EXPECT_EQ(machine.share_of_one(threads, 20), 0.0);
}

TEST(StepThreads, all_go_on_beside_a_process_that_yields) {
  Machine machine{1, 0.0045, 0.006};
  StepThreads threads(2, 2, [&] { return machine.others; });
  EXPECT_LT(machine.share_of_one(threads, 20), 0.05);
}

TEST(StepThreads, a_process_that_begins_to_matter_is_found_within_seconds) {
  Machine machine{1, 0.0045, 0.006};
  StepThreads threads(2, 2, [&] { return machine.others; });
  machine.share_of_one(threads, 60);
  machine.with_two = 0.020;
  machine.share_of_one(threads, 9);
  EXPECT_GT(machine.share_of_one(threads, 5), 0.5);
}

TEST(StepThreads, more_threads_than_cpus_are_taken_as_asked) {
  StepThreads threads(3, 2, [] { return 1; });
  for (int step = 0; step < 1000; ++step) {
    ASSERT_EQ(threads.next(step * 0.01), 3) << step;
    threads.took(0.01);
  }
}

TEST(StepThreads, as_many_go_on_as_others_leave_cpus) {
  StepThreads threads(16, 16, [] { return 5; });
  std::int64_t fewest = 16;
  for (int step = 0; step < 1000; ++step) {
    fewest = std::min(fewest, threads.next(step * 0.01));
    threads.took(0.01);
  }
  EXPECT_EQ(fewest, 11);
}

}  // namespace
}  // namespace routedk::decode
