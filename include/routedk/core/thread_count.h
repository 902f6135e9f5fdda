/// How many threads a program computes with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace routedk {

constexpr std::int64_t kMostThreads = 4096;

/// The number of threads in `text`, which `name` ("--threads") was given. ConfigError unless it is an integer
/// from 1 to kMostThreads.
std::int64_t thread_count_in(std::string_view text, std::string_view name);

struct ThreadCount {
  std::int64_t threads = 1;
  std::string note;  ///< why it is not what was asked for; empty: it is
};

/// What OMP_NUM_THREADS asks for (of a list, as for nested regions, the first), but no more than the usable
/// CPUs; without it the usable CPUs. ConfigError as thread_count_in.
ThreadCount default_thread_count(const std::optional<std::string>& omp_num_threads, std::int64_t usable);

}  // namespace routedk
