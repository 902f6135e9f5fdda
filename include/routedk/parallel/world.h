/// The processes that compute one training together, over LibTorch's c10d.
#pragma once

#include "routedk/parallel/launch.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace routedk::parallel {

class Backend;

/// How long a process waits for others before it gives up.
struct Patience {
  std::chrono::seconds joining{300};
  std::chrono::seconds exchange{1800};  ///< a call below, including the wait for the slowest process
};

/// A handle of the group of processes; copies refer to the same group. Every process must make the same calls
/// in the same order. In a world of one, no call does anything. SystemError when another process has ended or
/// takes longer than the patience.
class World {
 public:
  /// A world of one.
  World() = default;
  /// Joins the other processes; returns when all have joined. ConfigError when a rank occurs twice or sizes
  /// differ; SystemError, which names the missing ranks, or when the store cannot be reached; ConfigError in
  /// a build without c10d's backend.
  explicit World(const Launch& launch, const Patience& patience = {});

  int rank() const noexcept { return rank_; }
  int size() const noexcept { return size_; }
  /// Whether this process writes the output that is written once.
  bool first() const noexcept { return rank_ == 0; }

  /// Replaces a contiguous tensor with the sum over the processes: the same bits in all of them and, for the
  /// same number of processes, in every run. GPU tensors are summed by NCCL, or through host memory in a
  /// build without it.
  void sum(at::Tensor& values) const;
  double sum(double value) const;
  std::int64_t sum(std::int64_t value) const;
  std::int64_t greatest(std::int64_t value) const;
  /// The rows [n,C] of all processes in rank order, on the CPU and of that type (unchanged in a world of
  /// one); a process without rows passes none, or an undefined tensor.
  at::Tensor gather(const at::Tensor& rows, at::ScalarType type = at::kFloat) const;
  /// The text passed by rank 0.
  std::string from_first(std::string text) const;
  /// Returns when every process has called it.
  void wait_for_all() const;

 private:
  std::shared_ptr<Backend> backend_;
  int rank_ = 0;
  int size_ = 1;
};

/// Every size-th item, starting at `rank`: each item belongs to exactly one process.
template <typename T>
std::vector<T> share_of(const std::vector<T>& all, const World& world) {
  std::vector<T> own;
  for (auto i = static_cast<std::size_t>(world.rank()); i < all.size();
       i += static_cast<std::size_t>(world.size())) {
    own.push_back(all[i]);
  }
  return own;
}

}  // namespace routedk::parallel
