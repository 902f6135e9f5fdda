/// The number of computing threads of a program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace routedk {

constexpr std::int64_t kMostThreads = 4096;

/// The number of threads in `text`, the value of `name` ("--threads"). ConfigError unless it is an integer
/// from 1 to kMostThreads.
std::int64_t thread_count_in(std::string_view text, std::string_view name);

struct ThreadCount {
  std::int64_t threads = 1;
  std::string note;  ///< why it differs from the request; empty if it does not
};

/// The request of OMP_NUM_THREADS (the first entry of a list for nested regions), but at most the number of
/// usable CPUs; that number if it is not set. ConfigError as thread_count_in.
ThreadCount default_thread_count(const std::optional<std::string>& omp_num_threads, std::int64_t usable);

}  // namespace routedk
