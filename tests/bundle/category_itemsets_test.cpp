#include "routedk/bundle/category_itemsets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Items 1, 2, ... of these categories; a bundle names them.
Session session_of_categories(const std::vector<std::string>& categories,
                              const std::vector<Bundle>& bundles = {}) {
  Session session;
  for (const std::string& category : categories) {
    session.items.push_back({static_cast<ItemId>(session.items.size() + 1), "title", category});
  }
  for (const Bundle& bundle : bundles) {
    session.gold.push_back({bundle, ""});
  }
  return session;
}

/// Camera + lens three times, two cables twice, camera + bag once.
std::vector<Session> carts() {
  return {session_of_categories({"camera", "lens"}, {{1, 2}}),
          session_of_categories({"lens", "camera"}, {{1, 2}}),
          session_of_categories({"camera", "lens", "bag"}, {{1, 2}, {1, 3}}),
          session_of_categories({"cable", "cable", "cable", "cable"}, {{1, 2}, {3, 4}})};
}

TEST(CategoryItemsets, join_what_most_training_bundles_joined) {
  const CategoryItemsets itemsets(carts());
  EXPECT_EQ(itemsets.size(), 3U);
  EXPECT_THAT(itemsets.predict(session_of_categories({"bag", "lens", "camera"})),
              ElementsAre(ElementsAre(3, 2)));
  EXPECT_THAT(itemsets.predict(session_of_categories({"bag", "camera", "lens", "camera"})),
              ElementsAre(ElementsAre(2, 3), ElementsAre(1, 4)));
}

TEST(CategoryItemsets, two_of_a_kind_need_two_items) {
  const CategoryItemsets itemsets(carts());
  EXPECT_THAT(itemsets.predict(session_of_categories({"cable", "lens"})), IsEmpty());
  EXPECT_THAT(itemsets.predict(session_of_categories({"cable", "lens", "cable"})),
              ElementsAre(ElementsAre(1, 3)));
}

TEST(CategoryItemsets, need_support_and_confidence) {
  // 6 bundles: camera + lens has support 3/6, two cables 2/6, camera + bag 1/6
  EXPECT_EQ(CategoryItemsets(carts(), {.support = 0.3}).size(), 2U);
  EXPECT_EQ(CategoryItemsets(carts(), {.support = 0.5}).size(), 1U);
  // every bag is in a bundle with a camera, though few cameras are in one with a bag
  EXPECT_EQ(CategoryItemsets(carts(), {.confidence = 1.0}).size(), 3U);
  EXPECT_EQ(CategoryItemsets(carts(), {.confidence = 1.1}).size(), 0U);
  // one of two bundles with a lamp has two: the second lamp says nothing of itself
  const std::vector lamps = {session_of_categories({"lamp", "lamp"}, {{1, 2}}),
                             session_of_categories({"lamp", "shade"}, {{1, 2}})};
  EXPECT_EQ(CategoryItemsets(lamps, {.confidence = 0.6}).size(), 1U) << "shade, then lamp";
  EXPECT_EQ(CategoryItemsets(lamps, {.confidence = 0.5}).size(), 2U);
}

TEST(CategoryItemsets, an_item_without_a_category_is_in_no_bundle) {
  const CategoryItemsets itemsets(carts());
  EXPECT_THAT(itemsets.predict(session_of_categories({"", "camera", "lens"})),
              ElementsAre(ElementsAre(2, 3)));
  EXPECT_THAT(itemsets.predict(session_of_categories({"", ""})), IsEmpty());
  EXPECT_EQ(CategoryItemsets(std::vector{session_of_categories({"", "camera"}, {{1, 2}})}).size(), 0U);
}

}  // namespace
}  // namespace routedk::bundle
