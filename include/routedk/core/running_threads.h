/// This process's threads as the kernel runs them.
#pragma once

#include <filesystem>
#include <vector>

#include <sched.h>
#include <sys/types.h>

namespace routedk {

struct RunningThread {
  pid_t id = 0;
  int cpu = 0;  ///< where it runs, or waits to run
};

/// The threads of this process that run or want to, the calling one included; none where /proc is missing.
std::vector<RunningThread> running_threads(const std::filesystem::path& proc = "/proc");

/// One that shares its CPU with another; null where there is none.
const RunningThread* sharing_thread(const std::vector<RunningThread>& running);

/// The CPUs of `allowed` on which none of `running` is.
cpu_set_t free_cpus(const std::vector<RunningThread>& running, const cpu_set_t& allowed);

}  // namespace routedk
