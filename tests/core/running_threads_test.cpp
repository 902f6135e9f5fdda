#include "routedk/core/running_threads.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

#include "core/temporary_folder.h"
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace routedk {
namespace {

using testing::TemporaryFolder;

cpu_set_t cpus(std::initializer_list<std::size_t> numbers) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const std::size_t number : numbers) {
    CPU_SET(number, &set);
  }
  return set;
}

bool equal(const cpu_set_t& a, const cpu_set_t& b) {
  return CPU_EQUAL(&a, &b);
}

/// As /proc has it: "id (name) state", 35 numbers, the CPU, and more.
void write_thread(const TemporaryFolder& proc, int id, const std::string& state, int cpu) {
  const std::string folder = fmt::format("self/task/{}", id);
  std::filesystem::create_directories(proc / folder);
  std::string line = fmt::format("{} (a) R b) {}", id, state);
  for (int word = 4; word < 39; ++word) {
    line += fmt::format(" {}", word);
  }
  proc.write(folder + "/stat", fmt::format("{} {} 0 0\n", line, cpu));
}

TEST(RunningThreads, are_those_in_state_R_with_their_cpus) {
  const TemporaryFolder proc;
  EXPECT_TRUE(running_threads(proc.path()).empty());
  write_thread(proc, 11, "R", 3);
  write_thread(proc, 12, "S", 5);
  write_thread(proc, 13, "R", 7);
  std::filesystem::create_directories(proc / "self/task/14");  // ended meanwhile
  std::vector<RunningThread> running = running_threads(proc.path());
  std::sort(running.begin(), running.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  ASSERT_EQ(running.size(), 2U);
  EXPECT_EQ(running[0].id, 11);
  EXPECT_EQ(running[0].cpu, 3);
  EXPECT_EQ(running[1].id, 13);
  EXPECT_EQ(running[1].cpu, 7);
}

TEST(RunningThreads, of_this_process_contain_the_one_that_asks) {
  const std::vector<RunningThread> running = running_threads();
  EXPECT_TRUE(
      std::any_of(running.begin(), running.end(), [](const auto& thread) { return thread.id == gettid(); }));
}

TEST(RunningThreads, that_share_a_cpu_are_found_and_so_are_free_cpus) {
  EXPECT_EQ(sharing_thread({}), nullptr);
  EXPECT_EQ(sharing_thread({{1, 0}, {2, 1}}), nullptr);
  const std::vector<RunningThread> shared{{1, 0}, {2, 1}, {3, 0}};
  ASSERT_NE(sharing_thread(shared), nullptr);
  EXPECT_EQ(sharing_thread(shared)->id, 3);
  EXPECT_TRUE(equal(free_cpus(shared, cpus({0, 1, 2, 3})), cpus({2, 3})));
  EXPECT_TRUE(equal(free_cpus(shared, cpus({0, 1})), cpus({})));
}

}  // namespace
}  // namespace routedk
