#include "routedk/core/crowding.h"

#include "routedk/core/log.h"

#include <filesystem>
#include <string>

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk {
namespace {

using testing::TemporaryFolder;

TEST(Crowding, names_the_threads_and_cpus_and_what_to_do) {
  EXPECT_EQ(crowding(2, 2, 0, 2), "");
  EXPECT_EQ(crowding(2, 2, 6, 8), "");
  const std::string beside = crowding(2, 2, 1, 2);
  EXPECT_NE(beside.find("3 threads are runnable on 2 CPUs, 1 of them in other processes"), std::string::npos)
      << beside;
  EXPECT_NE(beside.find("docs/threads.md"), std::string::npos) << beside;
  const std::string alone = crowding(64, 2, 0, 128);
  EXPECT_NE(alone.find("64 threads compute, but this process can use 2 CPUs"), std::string::npos) << alone;
}

TEST(Crowding, counts_the_machine_s_runnable_threads_without_its_own) {
  const TemporaryFolder proc;
  EXPECT_EQ(runnable_threads_of_others(proc.path()), 0);
  proc.write("loadavg", "0.20 0.18 0.12 5/80 11206\n");
  EXPECT_EQ(runnable_threads_of_others(proc.path()), 5);
  for (const char* task : {"1", "2", "3"}) {
    std::filesystem::create_directories(proc / "self/task" / task);
  }
  std::string numbers;
  for (int i = 0; i < 40; ++i) {
    numbers += " 0";
  }
  proc.write("self/task/1/stat", "1 (a) R b) R" + numbers);
  proc.write("self/task/2/stat", "2 (a) R b) S" + numbers);  // a name of its own choice
  EXPECT_EQ(runnable_threads_of_others(proc.path()), 4);
  proc.write("loadavg", "0.20 0.18 0.12 0/80 11206\n");
  EXPECT_EQ(runnable_threads_of_others(proc.path()), 0);
}

TEST(Crowding, is_told_once) {
  ::testing::internal::CaptureStderr();
  init_log("info");
  look_for_crowding();  // nothing computes yet
  watch_for_crowding(1 << 20, 1);
  watch_for_crowding(1 << 20, 1);
  look_for_crowding();
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ::testing::MatchesRegex("[0-9:]+ warning: 1048576 threads compute, .* 1 CPU: [^\n]*\n"));
}

}  // namespace
}  // namespace routedk
