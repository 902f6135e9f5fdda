#include "routedk/distill/discrepancy.h"

#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

using Kind = DiscrepancyKind;
using Found = std::vector<Discrepancy>;

std::vector<bundle::GoldBundle> gold(const bundle::Answer& bundles) {
  std::vector<bundle::GoldBundle> result;
  for (const bundle::Bundle& items : bundles) {
    result.push_back({items, ""});
  }
  return result;
}

TEST(Discrepancy, a_right_proposal_has_none) {
  EXPECT_TRUE(compare_with_gold({{2, 1}, {3, 4}}, gold({{1, 2}, {4, 3}})).empty());
}

TEST(Discrepancy, a_gold_item_in_another_bundle_is_missing) {
  EXPECT_EQ(compare_with_gold({{1, 2}, {3, 4, 5}}, gold({{1, 2, 3}, {3, 4, 5}})),
            (Found{{Kind::kMissingItem, 3, 1}}));
}

TEST(Discrepancy, a_gold_item_by_itself_is_single) {
  const Found expected{{Kind::kSingleItem, 3, 1}};
  EXPECT_EQ(compare_with_gold({{1, 2}}, gold({{1, 2, 3}})), expected);
  EXPECT_EQ(compare_with_gold({{1, 2}, {3}}, gold({{1, 2, 3}})), expected);
}

TEST(Discrepancy, an_item_proposed_beside_strangers_is_foreign) {
  EXPECT_EQ(compare_with_gold({{1, 2, 9}}, gold({{1, 2}})), (Found{{Kind::kForeignItem, 9, 1}}));
  EXPECT_EQ(compare_with_gold({{1, 2}, {7, 8, 9}}, gold({{1, 2}})),
            (Found{{Kind::kForeignItem, 8, 7}, {Kind::kForeignItem, 9, 7}}));
}

TEST(Discrepancy, an_item_that_shares_another_gold_bundle_is_not_foreign) {
  EXPECT_TRUE(compare_with_gold({{1, 2}, {1, 3}}, gold({{1, 2}, {1, 3}})).empty());
  EXPECT_TRUE(compare_with_gold({{1, 2, 3}}, gold({{1, 2}, {1, 3}})).empty());
}

TEST(Discrepancy, a_gold_bundle_nobody_proposed_is_missed) {
  EXPECT_EQ(compare_with_gold({}, gold({{5, 6, 4}})),
            (Found{{Kind::kMissedBundle, 6, 5}, {Kind::kMissedBundle, 4, 5}}));
  EXPECT_EQ(compare_with_gold({{4, 1}}, gold({{5, 4}})),
            (Found{{Kind::kMissedBundle, 4, 5}, {Kind::kForeignItem, 1, 4}}));
}

TEST(Discrepancy, the_closest_proposal_is_compared) {
  EXPECT_EQ(compare_with_gold({{1, 2, 7, 8}, {1, 2, 3, 9}}, gold({{1, 2, 3}})),
            (Found{{Kind::kForeignItem, 9, 1}}));
}

}  // namespace
}  // namespace routedk::distill
