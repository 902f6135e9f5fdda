#include "routedk/core/suggestion.h"

#include <gtest/gtest.h>

namespace routedk {
namespace {

TEST(Suggestion, a_near_word_is_suggested_and_a_far_one_is_not) {
  EXPECT_EQ(suggestion("electronics", {"food", "electronic"}), "; did you mean `electronic`?");
  EXPECT_EQ(suggestion("bsae", {"base", "high_level"}), "; did you mean `base`?");
  EXPECT_EQ(suggestion("shoes", {"electronic", "clothing"}), ".");
  EXPECT_EQ(suggestion("shoes", {}), ".");
  EXPECT_EQ(nearest_word(std::string(61, 'a'), {std::string(60, 'a')}), "");
}

}  // namespace
}  // namespace routedk
