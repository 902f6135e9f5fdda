#include "routedk/core/random.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace routedk {
namespace {

TEST(Random, the_mixer_and_the_hash_give_their_published_values) {
  // SplitMix64 from state 0 begins with this number; FNV-1a of "a".
  EXPECT_EQ(mix64(0), 0xE220A8397B1DCDAFULL);
  EXPECT_EQ(hash64("a"), 0xAF63DC4C8601EC8CULL);
}

TEST(Random, any_part_of_the_key_changes_the_stream) {
  const std::array<std::uint64_t, 6> first = {
      Random(1, "dropout", {2, 3})(), Random(2, "dropout", {2, 3})(), Random(1, "sample", {2, 3})(),
      Random(1, "dropout", {3, 2})(), Random(1, "dropout", {2})(),    Random(1, "dropout", {2, 3, 0})()};
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(std::count(first.begin(), first.end(), first[i]), 1);
  }
  EXPECT_EQ(Random(1, "dropout", {2, 3})(), first[0]);
}

TEST(Random, uniform_numbers_fill_the_unit_interval_evenly) {
  Random random(1, "test");
  std::array<int, 10> bins{};
  for (int i = 0; i < 10000; ++i) {
    const double value = random.uniform();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    ++bins[static_cast<std::size_t>(value * 10)];
  }
  for (const int count : bins) {
    EXPECT_NEAR(count, 1000, 150);  // 5 standard deviations
  }
}

TEST(Random, below_reaches_every_number_and_no_other) {
  Random random(1, "test");
  std::array<int, 7> bins{};
  for (int i = 0; i < 7000; ++i) {
    ++bins.at(random.below(7));
  }
  for (const int count : bins) {
    EXPECT_NEAR(count, 1000, 150);
  }
}

TEST(Random, a_shuffle_keeps_every_value_and_moves_them) {
  std::vector<int> values(100);
  std::iota(values.begin(), values.end(), 0);
  const std::vector<int> sorted = values;
  shuffle(values, Random(1, "order"));
  EXPECT_NE(values, sorted);
  std::vector<int> again = sorted;
  shuffle(again, Random(1, "order"));
  EXPECT_EQ(again, values);
  std::sort(values.begin(), values.end());
  EXPECT_EQ(values, sorted);
}

}  // namespace
}  // namespace routedk
