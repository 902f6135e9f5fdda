#include "routedk/kernels/cpu/team.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace routedk::kernels::cpu {
namespace {

TEST(Team, each_element_of_a_step_is_done_once_and_before_the_next_step) {
  constexpr std::int64_t kSize = 7;
  constexpr int kSteps = 300;
  std::vector<std::int64_t> values(kSize, 0);
  std::vector<std::int64_t> sums(kSteps, 0);
  Team::run([&](Team::Member& member) {
    for (int step = 0; step < kSteps; ++step) {
      member.share(kSize, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) {
          ++values[static_cast<std::size_t>(i)];
        }
      });
      member.share(1, [&](auto, auto) {
        sums[static_cast<std::size_t>(step)] = std::accumulate(values.begin(), values.end(), std::int64_t{0});
      });
    }
  });
  for (int step = 0; step < kSteps; ++step) {
    EXPECT_EQ(sums[static_cast<std::size_t>(step)], kSize * (step + 1));
  }
}

TEST(Team, an_exception_ends_the_steps_and_reaches_the_caller) {
  int after = 0;
  const auto run = [&] {
    Team::run([&](Team::Member& member) {
      member.share(8, [](std::int64_t first, auto) {
        if (first == 0) {
          throw std::runtime_error("broken");
        }
      });
      member.share(1, [&](auto, auto) { ++after; });
    });
  };
  EXPECT_THROW(run(), std::runtime_error);
  EXPECT_EQ(after, 0);
}

TEST(Team, an_exception_between_steps_reaches_the_caller_too) {
  const auto run = [](std::int64_t thrower) {
    Team::run([&](Team::Member& member) {
      std::int64_t mine = -1;
      member.share(member.threads(), [&](std::int64_t first, auto) { mine = first; });
      if (mine == thrower) {
        throw std::runtime_error("broken");
      }
      member.share(8, [](auto, auto) {});
    });
  };
  EXPECT_THROW(run(0), std::runtime_error);
  EXPECT_THROW(run(at::get_num_threads() - 1), std::runtime_error);
}

/// Threads that never rest, as many as there are CPUs.
class BusyNeighbours {
 public:
  BusyNeighbours() {
    for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
      threads_.emplace_back([](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
        }
      });
    }
  }

 private:
  std::vector<std::jthread> threads_;
};

/// Sets the number of ATen's threads while it lives.
class Threads {
 public:
  explicit Threads(int count) { at::set_num_threads(count); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

TEST(Team, more_members_than_cpus_beside_busy_threads_lose_no_step_and_never_hang) {
  const Threads many(static_cast<int>(3 * std::thread::hardware_concurrency()));
  const BusyNeighbours neighbours;
  constexpr int kSteps = 200;
  std::int64_t sum = 0;
  std::vector<std::int64_t> parts(static_cast<std::size_t>(at::get_num_threads()), 0);
  Team::run([&](Team::Member& member) {
    for (int step = 0; step < kSteps; ++step) {
      member.share(std::ssize(parts), [&](std::int64_t first, std::int64_t last) {
        std::fill(parts.begin() + first, parts.begin() + last, step);
      });
      member.share(1,
                   [&](auto, auto) { sum += std::accumulate(parts.begin(), parts.end(), std::int64_t{0}); });
    }
  });
  EXPECT_EQ(sum, std::ssize(parts) * kSteps * (kSteps - 1) / 2);
}

TEST(Team, an_exception_wakes_members_that_have_fallen_asleep) {
  const Threads several(4);
  const auto run = [] {
    Team::run([](Team::Member& member) {
      std::int64_t mine = -1;
      member.share(member.threads(), [&](std::int64_t first, auto) { mine = first; });
      if (mine == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        throw std::runtime_error("late");
      }
      member.share(8, [](auto, auto) {});
    });
  };
  EXPECT_THROW(run(), std::runtime_error);
}

TEST(Team, within_a_parallel_region_the_caller_is_alone) {
  std::vector<std::int64_t> done(2, 0);
  at::parallel_for(0, 2, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      Team::run([&](Team::Member& member) {
        member.share(5, [&](std::int64_t first, std::int64_t last) {
          done[static_cast<std::size_t>(i)] += last - first;
        });
      });
    }
  });
  EXPECT_EQ(done, (std::vector<std::int64_t>{5, 5}));
}

}  // namespace
}  // namespace routedk::kernels::cpu
