/// A part of the sessions, for processes that share a step without communicating.
#pragma once

#include "routedk/parallel/launch.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace routedk::workflow {

struct Shard {
  std::int64_t index = 1;  ///< from 1 to count
  std::int64_t count = 1;
  bool merge = false;  ///< has no part of its own: merges the parts of the others

  /// Whether this process does everything.
  bool whole() const noexcept { return count == 1 && !merge; }
};

/// "2/4", or "auto": the task of a Slurm array (SLURM_ARRAY_TASK_ID), else the rank set by a launcher
/// (parallel/launch.h). ConfigError for any other text, or if the environment sets neither.
Shard parse_shard(const std::string& text, const parallel::Environment& environment);
/// The same with this process's environment.
Shard parse_shard(const std::string& text);

/// From a program's --shard and --merge. ConfigError if a launcher started the program several times without
/// --shard although it works `alone`.
Shard shard_of_process(const std::string& text, bool merge, bool alone);

/// "2-of-4", for file names.
std::string to_string(const Shard& shard);

/// The shard that a file name begins with; empty for other names.
std::optional<Shard> shard_of_name(const std::string& name);

/// Every count-th batch of items, starting at the index-th. Batches are the same as in a single process, so
/// results round the same way.
template <typename T>
std::vector<T> part_of(const std::vector<T>& all, const Shard& shard, std::int64_t batch) {
  std::vector<T> own;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (static_cast<std::int64_t>(i) / batch % shard.count == shard.index - 1) {
      own.push_back(all[i]);
    }
  }
  return own;
}

}  // namespace routedk::workflow
