#include "routedk/bundle/category.h"

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

}  // namespace
}  // namespace routedk::bundle
