#include "routedk/train/data_order.h"

#include "routedk/core/random.h"

#include <algorithm>
#include <numeric>

namespace routedk::train {

DataOrder::DataOrder(std::int64_t examples, std::int64_t batch_size, std::uint64_t seed,
                     const std::string& group) noexcept
    : examples_(examples), batch_size_(batch_size), seed_(seed), group_(hash64(group)) {}

std::vector<std::size_t> DataOrder::batch(std::int64_t step) const {
  const std::int64_t epoch = step / steps_per_epoch();
  std::vector<std::size_t> order(static_cast<std::size_t>(examples_));
  std::iota(order.begin(), order.end(), std::size_t{0});
  shuffle(order, Random(seed_, "order", {group_, static_cast<std::uint64_t>(epoch)}));
  const std::int64_t first = step % steps_per_epoch() * batch_size_;
  const std::int64_t last = std::min(first + batch_size_, examples_);
  return {order.begin() + first, order.begin() + last};
}

}  // namespace routedk::train
