/// How many CPUs this process may use, according to the kernel.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace routedk {

/// CPUs in the calling thread's affinity mask (`taskset`, cpusets), at least 1.
std::int64_t affinity_cpus();

/// CPU time per wall-clock time that control groups allow: the smallest of cpu.max (v2) and cpu.cfs_quota_us
/// / cpu.cfs_period_us (v1) from this process's group up to the mount point; nothing if none is set or
/// readable. `root` is the folder that contains proc and sys.
std::optional<double> cgroup_cpu_quota(const std::filesystem::path& root = "/");

/// How many threads can run at once on `cpus` CPUs with a quota, which is rounded up: 2 threads use a quota
/// of 1.5 better than 1 thread does. At least 1.
std::int64_t usable_cpus(std::int64_t cpus, std::optional<double> quota);

}  // namespace routedk
