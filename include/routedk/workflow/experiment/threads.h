/// The number of compute threads: --threads, else the setting run.threads, else OMP_NUM_THREADS up to the
/// CPUs that this process can use, else those CPUs (affinity mask and CPU quotas of control groups).
#pragma once

#include <cstdint>
#include <string>

namespace routedk::workflow {

/// Stores the text of --threads for start_threads: the command line is parsed before errors have an exit
/// code.
void ask_for_threads(const std::string& text);
/// Sets the number; called once at program start. ConfigError for a bad --threads or OMP_NUM_THREADS.
void start_threads();
/// Applies the setting unless it is 0 or --threads was given.
void set_threads(std::int64_t setting);
/// Before long work: warns if more threads want to run than there are CPUs (core/crowding.h).
void warn_of_crowding();

}  // namespace routedk::workflow
