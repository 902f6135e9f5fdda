/// This process's threads, according to the kernel.
#pragma once

#include <filesystem>
#include <vector>

#include <sched.h>
#include <sys/types.h>

namespace routedk {

struct RunningThread {
  pid_t id = 0;
  int cpu = 0;  ///< where it runs or waits to run
};

/// The running and runnable threads of this process, including the calling one; none if /proc is missing.
std::vector<RunningThread> running_threads(const std::filesystem::path& proc = "/proc");

/// A thread that shares its CPU with another; null if there is none.
const RunningThread* sharing_thread(const std::vector<RunningThread>& running);

/// The CPUs of `allowed` that no thread of `running` is on.
cpu_set_t free_cpus(const std::vector<RunningThread>& running, const cpu_set_t& allowed);

}  // namespace routedk
