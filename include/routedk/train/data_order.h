/// Which examples an optimiser step takes: a function of (seed, group, step), with no state to save.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace routedk::train {

/// Every epoch is a separate shuffle of all examples, cut into batches; the last batch may be smaller.
class DataOrder {
 public:
  /// `examples` and `batch_size` are at least 1; `group` keys the shuffles.
  DataOrder(std::int64_t examples, std::int64_t batch_size, std::uint64_t seed, const std::string& group);

  std::int64_t steps_per_epoch() const noexcept { return (examples() + batch_size_ - 1) / batch_size_; }
  /// Indices of the examples of a step, counted from 0 over all epochs. The epoch's shuffle is cached for the
  /// following steps.
  std::vector<std::size_t> batch(std::int64_t step);

 private:
  std::int64_t examples() const noexcept { return static_cast<std::int64_t>(order_.size()); }
  void shuffle_for(std::int64_t epoch);

  std::int64_t batch_size_;
  std::uint64_t seed_;
  std::uint64_t group_;
  std::int64_t epoch_ = -1;         ///< the epoch of `order_`; -1: none yet
  std::vector<std::size_t> order_;  // [examples]
};

}  // namespace routedk::train
