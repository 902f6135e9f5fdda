#include "routedk/core/prefetcher.h"

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace routedk {
namespace {

std::int64_t square(std::int64_t n) {
  return n * n;
}

TEST(Prefetcher, gives_what_make_gives_whatever_was_foreseen) {
  Prefetcher<std::int64_t> prefetcher(square);
  EXPECT_EQ(prefetcher.take(3, 4), 9);
  EXPECT_EQ(prefetcher.take(4, 5), 16);
  EXPECT_EQ(prefetcher.take(9, 10), 81) << "5 was foreseen";
  EXPECT_EQ(prefetcher.take(10, -1), 100);
  EXPECT_EQ(prefetcher.take(11, -1), 121);
}

TEST(Prefetcher, the_next_is_made_in_another_thread_while_the_present_one_is_in_use) {
  std::latch made(1);
  std::thread::id maker;
  Prefetcher<std::int64_t> prefetcher([&](std::int64_t n) {
    if (n == 1) {
      maker = std::this_thread::get_id();
      made.count_down();
    }
    return n;
  });
  prefetcher.take(0, 1);
  made.wait();  // nobody has asked for 1 yet
  EXPECT_NE(maker, std::this_thread::get_id());
  EXPECT_EQ(prefetcher.take(1, -1), 1);
}

TEST(Prefetcher, an_error_comes_out_where_its_value_is_taken) {
  Prefetcher<std::int64_t> prefetcher([](std::int64_t n) -> std::int64_t {
    if (n == 2) {
      throw std::runtime_error("two");
    }
    return n;
  });
  EXPECT_EQ(prefetcher.take(1, 2), 1);
  EXPECT_THROW(prefetcher.take(2, -1), std::runtime_error);
  EXPECT_EQ(prefetcher.take(3, 2), 3);
  EXPECT_EQ(prefetcher.take(4, -1), 4) << "2 was foreseen, but is not taken";
}

TEST(Prefetcher, waits_at_its_end_for_what_is_under_way) {
  std::atomic<bool> done = false;
  {
    Prefetcher<std::int64_t> prefetcher([&](std::int64_t n) {
      if (n == 1) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        done = true;
      }
      return n;
    });
    prefetcher.take(0, 1);
  }
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace routedk
