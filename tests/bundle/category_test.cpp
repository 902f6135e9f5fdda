#include "routedk/bundle/category.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

TEST(Describe, a_category_is_the_leaf_of_its_longest_path) {
  EXPECT_EQ(category_leaf("[[Electronics,Computers & Accessories,Cases & Sleeves]]"), "Cases & Sleeves");
  EXPECT_EQ(category_leaf("[[Grocery,Beverages,Coffee, Tea & Cocoa]]"), "Coffee, Tea & Cocoa");
  EXPECT_EQ(category_leaf("[[A,Jewelry Outlet],[A,Women,Earrings,Stud],[A,Novelty,More,Other]]"), "Stud");
  EXPECT_EQ(category_leaf("[[]]"), "");
  EXPECT_EQ(category_leaf(""), "");
  EXPECT_EQ(category_leaf("Desk Lamps"), "Desk Lamps");
}

TEST(Describe, a_category_path_has_the_names_from_the_root) {
  EXPECT_THAT(category_path("[[A,B, C & D,Leaf]]"), ::testing::ElementsAre("A", "B, C & D", "Leaf"));
  EXPECT_THAT(category_path("[[A,Outlet],[A,Women,Stud],[A,Men,Other]]"),
              ::testing::ElementsAre("A", "Women", "Stud"));
  EXPECT_THAT(category_path("Desk Lamps"), ::testing::ElementsAre("Desk Lamps"));
  EXPECT_THAT(category_path("[[]]"), ::testing::IsEmpty());
  EXPECT_THAT(category_path("a,"), ::testing::ElementsAre("a,"));
}

}  // namespace
}  // namespace routedk::bundle
