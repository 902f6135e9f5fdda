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
  std::chrono::seconds exchange{1800};  ///< one of the calls below, in which the slowest is waited for
};

/// A handle of the processes' meeting; copies are the same meeting. Every process must make the same calls in
/// the same order. The world of one does nothing in any of them. SystemError where another process has ended
/// or takes longer than the patience.
class World {
 public:
  /// Of one.
  World() = default;
  /// Joins the others: returns when all have. ConfigError where a rank occurs twice or sizes differ;
  /// SystemError naming the ranks that did not come, or where the store cannot be reached; ConfigError in a
  /// build without c10d's backend.
  explicit World(const Launch& launch, const Patience& patience = {});

  int rank() const noexcept { return rank_; }
  int size() const noexcept { return size_; }
  /// Whether this process writes what is written once.
  bool first() const noexcept { return rank_ == 0; }

  /// Replaces a contiguous tensor by the sum over the processes, the same bits in all of them and, for as
  /// many processes, in every run. Tensors of a GPU are summed by NCCL, or through the host's memory in a
  /// build without it.
  void sum(at::Tensor& values) const;
  double sum(double value) const;
  std::int64_t sum(std::int64_t value) const;
  std::int64_t greatest(std::int64_t value) const;
  /// The rows [n,C] of all processes in the order of their ranks, on the CPU and of that type (of one process
  /// as they are); a process without rows gives none, or an undefined tensor.
  at::Tensor gather(const at::Tensor& rows, at::ScalarType type = at::kFloat) const;
  /// The text that rank 0 gave.
  std::string from_first(std::string text) const;
  /// Returns when every process has called it.
  void wait_for_all() const;

 private:
  std::shared_ptr<Backend> backend_;
  int rank_ = 0;
  int size_ = 1;
};

/// Every size-th item from the rank-th on: the processes together have each item once.
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
