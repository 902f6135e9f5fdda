#include "routedk/bundle/related_groups.h"

#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

using Groups = std::vector<std::vector<std::size_t>>;

TEST(RelatedGroups, pairs_take_each_position_once_while_they_are_strong_enough) {
  EXPECT_EQ(related_groups({{0.9, 1, 2}, {0.8, 0, 1}, {0.31, 0, 3}, {0.29, 4, 5}}, 6),
            (Groups{{0, 3}, {1, 2}}));
}

TEST(RelatedGroups, the_strongest_pair_is_a_group_even_if_it_is_weak) {
  EXPECT_EQ(related_groups({{0.02, 0, 2}, {0.01, 1, 2}}, 3), (Groups{{0, 2}}));
  EXPECT_EQ(related_groups({}, 3), Groups());
}

TEST(RelatedGroups, a_position_joins_a_pair_by_the_mean_of_its_two_strengths) {
  EXPECT_EQ(related_groups({{0.9, 0, 1}, {0.75, 1, 2}, {0.05, 0, 2}}, 3), (Groups{{0, 1, 2}})) << "mean 0.4";
  EXPECT_EQ(related_groups({{0.9, 0, 1}, {0.75, 1, 2}, {0.04, 0, 2}}, 3), (Groups{{0, 1}})) << "mean 0.395";
}

TEST(RelatedGroups, two_pairs_are_joined_by_the_mean_of_four_strengths_and_what_is_missing_counts_0) {
  EXPECT_EQ(related_groups({{0.9, 0, 1}, {0.9, 2, 3}, {0.8, 0, 2}, {0.8, 1, 3}}, 4), (Groups{{0, 1, 2, 3}}));
  EXPECT_EQ(related_groups({{0.9, 0, 1}, {0.9, 2, 3}, {0.8, 0, 2}, {0.7, 1, 3}}, 4),
            (Groups{{0, 1}, {2, 3}}));
}

TEST(RelatedGroups, the_most_related_are_joined_first) {
  // 4 fits both pairs; after it has joined 2 and 3, it no longer lifts 0 and 1.
  EXPECT_EQ(related_groups({{0.9, 0, 1}, {0.9, 2, 3}, {0.6, 2, 4}, {0.6, 3, 4}, {0.5, 0, 4}, {0.5, 1, 4}}, 5),
            (Groups{{0, 1}, {2, 3, 4}}));
}

TEST(RelatedGroups, of_equally_related_ones_the_earlier_are_joined) {
  EXPECT_EQ(related_groups({{0.9, 0, 1}, {0.9, 2, 3}, {0.5, 0, 4}, {0.5, 1, 4}, {0.5, 2, 4}, {0.5, 3, 4}}, 5),
            (Groups{{0, 1, 4}, {2, 3}}));
}

}  // namespace
}  // namespace routedk::bundle
