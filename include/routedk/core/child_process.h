/// Runs work that must not harm this process in a child process, with limits.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace routedk {

struct ChildLimits {
  int seconds = 5;                           ///< wall time
  std::uint64_t memory_bytes = 256U << 20U;  ///< beyond what this process has mapped
  std::uint64_t output_bytes = 16U << 20U;   ///< of the result
};

struct ChildResult {
  std::optional<std::string> output;  ///< what the work returned, unless it failed
  std::string error;                  ///< what() of the exception that ended it, if one did
};

/// Calls `work` in a forked copy of this process that has only this thread, writes nothing to its standard
/// output and error, and is killed when it exceeds the limits. The work may recurse, loop and crash; it must
/// neither take locks that other threads of this process may hold (malloc's are safe) nor start threads.
/// SystemError when no process can be created.
ChildResult run_in_child(const ChildLimits& limits, const std::function<std::string()>& work);

}  // namespace routedk
