#include "routedk/train/data_order.h"

#include "routedk/core/random.h"

#include <algorithm>
#include <numeric>

namespace routedk::train {

DataOrder::DataOrder(std::int64_t examples, std::int64_t batch_size, std::uint64_t seed,
                     const std::string& group)
    : batch_size_(batch_size),
      seed_(seed),
      group_(hash64(group)),
      order_(static_cast<std::size_t>(examples)) {}

std::vector<std::size_t> DataOrder::batch(std::int64_t step) {
  shuffle_for(step / steps_per_epoch());
  const std::int64_t first = step % steps_per_epoch() * batch_size_;
  const std::int64_t last = std::min(first + batch_size_, examples());
  return {order_.begin() + first, order_.begin() + last};
}

void DataOrder::shuffle_for(std::int64_t epoch) {
  if (epoch == epoch_) {
    return;
  }
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  shuffle(order_, Random(seed_, "order", {group_, static_cast<std::uint64_t>(epoch)}));
  epoch_ = epoch;
}

}  // namespace routedk::train
