/// Detects more runnable threads than CPUs, which slows all of them down.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace routedk {

/// Runnable threads of other processes: the machine's count in /proc/loadavg minus this process's running
/// threads. It may include threads that run only briefly. 0 if /proc is missing.
std::int64_t runnable_threads_of_others(const std::filesystem::path& proc = "/proc");

/// The warning for `threads` computing threads in a process that can use `usable` CPUs, on a machine of
/// `online` CPUs with `others` runnable threads of other processes; empty if there is room for all.
std::string crowding(std::int64_t threads, std::int64_t usable, std::int64_t others, std::int64_t online);

/// Checks now, and in each later call of `look_for_crowding` at least 10 s after the last check; logs at most
/// one warning per process.
void watch_for_crowding(std::int64_t threads, std::int64_t usable);
/// Cheap between checks; does nothing before the first `watch_for_crowding`. Callable from any thread.
void look_for_crowding();

}  // namespace routedk
