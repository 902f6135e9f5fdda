#include "routedk/train/data_order.h"

#include "routedk/core/random.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include <gtest/gtest.h>

namespace routedk::train {
namespace {

std::vector<std::size_t> epoch(DataOrder order, std::int64_t index) {
  std::vector<std::size_t> taken;
  for (std::int64_t i = 0; i < order.steps_per_epoch(); ++i) {
    const auto batch = order.batch(index * order.steps_per_epoch() + i);
    taken.insert(taken.end(), batch.begin(), batch.end());
  }
  return taken;
}

TEST(DataOrder, every_epoch_takes_every_example_once) {
  DataOrder order(23, 4, 1, "base");
  std::vector<std::size_t> all(23);
  std::iota(all.begin(), all.end(), std::size_t{0});
  for (std::int64_t i = 0; i < 3; ++i) {
    std::vector<std::size_t> taken = epoch(order, i);
    std::sort(taken.begin(), taken.end());
    EXPECT_EQ(taken, all) << "epoch " << i;
  }
}

TEST(DataOrder, the_last_batch_of_an_epoch_holds_the_rest) {
  DataOrder order(23, 4, 1, "base");
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

TEST(DataOrder, a_step_takes_its_slice_of_the_epochs_keyed_shuffle_whatever_step_came_before) {
  DataOrder order(23, 4, 1, "base");
  for (const std::int64_t step : {0, 1, 13, 7, 12, 5, 5, 0}) {
    std::vector<std::size_t> all(23);
    std::iota(all.begin(), all.end(), std::size_t{0});
    shuffle(all, Random(1, "order", {hash64("base"), static_cast<std::uint64_t>(step / 6)}));
    const auto first = all.begin() + step % 6 * 4;
    const auto last = std::min(first + 4, all.end());
    EXPECT_EQ(order.batch(step), std::vector<std::size_t>(first, last)) << "step " << step;
  }
}

TEST(DataOrder, the_steps_of_an_epoch_share_one_shuffle) {
  using Clock = std::chrono::steady_clock;
  DataOrder order(300'000, 100, 1, "base");
  const auto start = Clock::now();
  static_cast<void>(order.batch(0));
  const auto one_shuffle = Clock::now() - start;
  for (std::int64_t step = 1; step < 500; ++step) {
    static_cast<void>(order.batch(step));
  }
  EXPECT_LT(Clock::now() - start, 100 * one_shuffle);
}

}  // namespace
}  // namespace routedk::train
