#include "routedk/core/child_process.h"

#include <csignal>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace routedk {
namespace {

constexpr ChildLimits kSmall{.seconds = 1, .memory_bytes = 64U << 20U, .output_bytes = 1U << 20U};

void expect_ended(const ChildResult& result) {
  EXPECT_FALSE(result.output.has_value());
  EXPECT_EQ(result.error, "");
}

int depth_of(volatile int* end, int depth) {
  volatile int here = depth;
  return *end == depth ? here : depth_of(end, depth + 1) + here;
}

TEST(ChildProcess, gives_back_what_the_work_returns_or_says_in_its_exception) {
  const std::string large(1U << 19U, 'x');
  EXPECT_EQ(run_in_child(kSmall, [&] { return large; }).output, large);
  EXPECT_EQ(run_in_child(kSmall, [] { return std::string(); }).output, "");
  const ChildResult thrown =
      run_in_child(kSmall, []() -> std::string { throw std::runtime_error("no\nway"); });
  EXPECT_FALSE(thrown.output.has_value());
  EXPECT_EQ(thrown.error, "no\nway");
}

TEST(ChildProcess, work_beyond_a_limit_ends_alone) {
  expect_ended(run_in_child(kSmall, []() -> std::string {
    volatile std::uint64_t count = 0;
    while (true) {
      count = count + 1;
    }
  }));
  expect_ended(run_in_child(kSmall, [] { return std::string(2U << 20U, 'x'); }));
  expect_ended(run_in_child(kSmall, [] {
    std::vector<std::string> all;
    for (int i = 0; i < 1000; ++i) {
      all.emplace_back(1U << 20U, 'x');
    }
    return all.back().substr(0, 1);
  }));
}

TEST(ChildProcess, work_that_crashes_ends_alone) {
  expect_ended(run_in_child(kSmall, []() -> std::string {
    volatile int never = -1;
    return std::to_string(depth_of(&never, 0));
  }));
  expect_ended(run_in_child(kSmall, []() -> std::string {
    std::raise(SIGKILL);
    return "";
  }));
}

TEST(ChildProcess, work_changes_nothing_here) {
  int changed = 0;
  EXPECT_EQ(run_in_child(kSmall, [&] { return std::to_string(++changed); }).output, "1");
  EXPECT_EQ(changed, 0);
}

}  // namespace
}  // namespace routedk
