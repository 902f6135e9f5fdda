#include "routedk/train/data_order.h"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

namespace routedk::train {
namespace {

std::vector<std::size_t> epoch(const DataOrder& order, std::int64_t index) {
  std::vector<std::size_t> taken;
  for (std::int64_t i = 0; i < order.steps_per_epoch(); ++i) {
    const auto batch = order.batch(index * order.steps_per_epoch() + i);
    taken.insert(taken.end(), batch.begin(), batch.end());
  }
  return taken;
}

TEST(DataOrder, every_epoch_takes_every_example_once) {
  const DataOrder order(23, 4, 1, "base");
  std::vector<std::size_t> all(23);
  std::iota(all.begin(), all.end(), std::size_t{0});
  for (std::int64_t i = 0; i < 3; ++i) {
    std::vector<std::size_t> taken = epoch(order, i);
    std::sort(taken.begin(), taken.end());
    EXPECT_EQ(taken, all) << "epoch " << i;
  }
}

TEST(DataOrder, the_last_batch_of_an_epoch_holds_the_rest) {
  const DataOrder order(23, 4, 1, "base");
  EXPECT_EQ(order.steps_per_epoch(), 6);
  EXPECT_EQ(order.batch(4).size(), 4U);
  EXPECT_EQ(order.batch(5).size(), 3U);
}

TEST(DataOrder, epochs_groups_and_seeds_have_orders_of_their_own) {
  const std::vector<std::size_t> first = epoch(DataOrder(23, 4, 1, "base"), 0);
  EXPECT_EQ(first, epoch(DataOrder(23, 5, 1, "base"), 0));
  EXPECT_NE(first, epoch(DataOrder(23, 4, 1, "base"), 1));
  EXPECT_NE(first, epoch(DataOrder(23, 4, 1, "high_level"), 0));
  EXPECT_NE(first, epoch(DataOrder(23, 4, 2, "base"), 0));
}

}  // namespace
}  // namespace routedk::train
