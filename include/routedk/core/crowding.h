/// Whether more threads are runnable than there are CPUs for them, which slows them all down.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace routedk {

/// Threads of other processes that can run now: the machine's count of /proc/loadavg without this process's
/// running threads. It may include threads that run only for a moment. 0 where /proc is missing.
std::int64_t runnable_threads_of_others(const std::filesystem::path& proc = "/proc");

/// The warning for `threads` threads that compute in a process that can use `usable` CPUs, on a machine of
/// `online` CPUs where `others` threads of other processes can run; empty where there is room for all.
std::string crowding(std::int64_t threads, std::int64_t usable, std::int64_t others, std::int64_t online);

/// Checks now, and at each later `look_for_crowding` 10 s or more after the last check; logs at most one
/// warning in the process's life.
void watch_for_crowding(std::int64_t threads, std::int64_t usable);
/// Cheap between checks; does nothing before the first `watch_for_crowding`. From any thread.
void look_for_crowding();

}  // namespace routedk
