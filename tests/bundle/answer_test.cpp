#include "routedk/bundle/answer.h"

#include "routedk/core/error.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

Session session_of_items(const std::vector<ItemId>& ids) {
  Session session;
  session.id = 7;
  for (const ItemId id : ids) {
    session.items.push_back({id, "title", ""});
  }
  return session;
}

TEST(Answer, canonical_text_sorts_and_drops_repeats_and_singles) {
  EXPECT_EQ(canonical_answer({{4, 2}, {3, 1, 3}, {2, 4}, {5, 5}, {6}}),
            R"({"bundle1": ["product1", "product3"], "bundle2": ["product2", "product4"]})");
}

TEST(Answer, bundles_sort_by_product_numbers_not_by_their_spelling) {
  EXPECT_EQ(normalised({{2, 10}, {2, 3}, {1, 10}, {1, 2, 10}, {1, 2}}),
            (ProductAnswer{{1, 2}, {1, 2, 10}, {1, 10}, {2, 3}, {2, 10}}));
}

TEST(Answer, no_bundle_is_written_as_an_empty_object) {
  EXPECT_EQ(canonical_answer({{1}}), "{}");
}

TEST(Answer, the_ninth_bundle_is_left_out) {
  ProductAnswer answer;
  for (int product = 10; product >= 2; --product) {
    answer.push_back({1, product});
  }
  EXPECT_EQ(normalised(answer).size(), 8U);
  EXPECT_EQ(normalised(answer).back(), (ProductBundle{1, 9}));
}

TEST(Answer, a_canonical_text_parses_to_itself) {
  const ProductAnswer answer{{1, 2, 10}, {3, 4}, {9, 10}};
  EXPECT_EQ(parse_answer(canonical_answer(answer), 10), answer);
}

TEST(Answer, a_parsed_answer_keeps_repeats_singles_and_order) {
  EXPECT_EQ(parse_answer(R"( {"bundle2":["product3","product1","product3"], "bundle1": ["product2"],
                             "bundle9": []} )",
                         3),
            (ProductAnswer{{3, 1, 3}, {2}, {}}));
  EXPECT_EQ(parse_answer("{}", 0), ProductAnswer{});
}

TEST(Answer, whatever_breaks_the_form_is_unparsed) {
  for (const std::string text : {
           "",
           "bundle1: product1",
           "[]",
           "null",
           R"("bundle1")",
           R"([["product1", "product2"]])",
           R"({"bundle1": ["product1", "product2"]} and so on)",
           R"({"bundle1": ["product1", "product2"])",
           R"({"bundle1": ["product1", "product4"]})",
           R"({"bundle1": ["product1", "product0"]})",
           R"({"bundle1": ["product1", "product02"]})",
           R"({"bundle1": ["product1", "product+2"]})",
           R"({"bundle1": ["product1", "product-2"]})",
           R"({"bundle1": ["product1", "product"]})",
           R"({"bundle1": ["product1", "product2 "]})",
           R"({"bundle1": ["product1", "product99999999999999999999"]})",
           R"({"bundle1": ["product1", 2]})",
           R"({"bundle1": ["product1", null]})",
           R"({"bundle1": ["product1", ["product2"]]})",
           R"({"bundle1": "product1"})",
           R"({"bundle1": {"product1": "product2"}})",
           R"({"bundle0": ["product1", "product2"]})",
           R"({"Bundle1": ["product1", "product2"]})",
           R"({"bundle1": ["product1", "product2"], "bundle1": ["product2", "product3"]})",
           R"({"bundle1": ["product1", "product2"], "bundle01": ["product2", "product3"]})",
           R"({"bundle1": ["product1", "product2"],})",
       }) {
    EXPECT_EQ(parse_answer(text, 3), std::nullopt) << text;
  }
}

TEST(Answer, a_million_open_brackets_are_refused_without_recursion) {
  EXPECT_EQ(parse_answer(std::string(1'000'000, '['), 3), std::nullopt);
  EXPECT_EQ(parse_answer("{\"bundle1\": " + std::string(1'000'000, '['), 3), std::nullopt);
}

TEST(Answer, item_ids_and_product_numbers_are_inverse) {
  const Session session = session_of_items({30, 10, 20});
  const Answer items{{20, 30}, {10, 20}};
  EXPECT_EQ(to_products(session, items), (ProductAnswer{{3, 1}, {2, 3}}));
  EXPECT_EQ(to_items(session, to_products(session, items)), items);
}

TEST(Answer, a_foreign_item_and_a_number_out_of_range_are_named) {
  const Session session = session_of_items({30, 10});
  EXPECT_THROW(
      {
        try {
          to_products(session, {{30, 99}});
        } catch (const DataError& error) {
          EXPECT_THAT(error.what(), ::testing::HasSubstr("item 99 is not in session 7"));
          throw;
        }
      },
      DataError);
  EXPECT_THROW(to_items(session, {{1, 3}}), DataError);
  EXPECT_THROW(to_items(session, {{0, 1}}), DataError);
}

}  // namespace
}  // namespace routedk::bundle
