#include "routedk/distill/feedback.h"

#include <string>
#include <vector>

#include "distill/shop.h"
#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

using bundle::ProductAnswer;
using Remarks = std::vector<Feedback>;

/// Six products, gold: {1, 2, 3} and {4, 5}.
bundle::Session session() {
  bundle::Session made;
  for (int i = 1; i <= 6; ++i) {
    made.items.push_back({10 * i, "title " + std::to_string(i), ""});
  }
  made.gold = {{{30, 10, 20}, ""}, {{40, 50}, ""}};
  return made;
}

Remarks on(const ProductAnswer& proposal) {
  return feedback_on(proposal, session());
}

TEST(Feedback, gold_itself_is_kept_in_any_order) {
  const Remarks remarks = on({{5, 4}, {3, 2, 1}});
  EXPECT_EQ(remarks, (Remarks{{FeedbackKind::kKeep, 1, {4, 5}}, {FeedbackKind::kKeep, 2, {1, 2, 3}}}));
  EXPECT_TRUE(all_kept(remarks));
  EXPECT_FALSE(all_kept(on({{4, 5}})));
}

TEST(Feedback, a_bundle_that_shares_no_two_products_with_gold_is_removed) {
  EXPECT_EQ(on({{1, 4}, {1, 2, 3}, {4, 5}}).front(), (Feedback{FeedbackKind::kRemove, 1, {1, 4}}));
}

TEST(Feedback, foreign_products_are_dropped_and_missing_ones_added) {
  EXPECT_EQ(on({{1, 2, 6}, {4, 5}}), (Remarks{{FeedbackKind::kDropForeign, 1, {6}},
                                              {FeedbackKind::kAddMissing, 1, {3}},
                                              {FeedbackKind::kKeep, 2, {4, 5}}}));
}

TEST(Feedback, a_gold_bundle_that_nothing_is_close_to_is_to_be_added) {
  EXPECT_EQ(on({{1, 2, 3}}),
            (Remarks{{FeedbackKind::kKeep, 1, {1, 2, 3}}, {FeedbackKind::kAddMissing, 0, {4, 5}}}));
  EXPECT_EQ(on({}),
            (Remarks{{FeedbackKind::kAddMissing, 0, {1, 2, 3}}, {FeedbackKind::kAddMissing, 0, {4, 5}}}));
}

TEST(Feedback, one_product_is_no_bundle_and_repeats_count_once) {
  EXPECT_EQ(on({{4, 4}, {1, 2, 3}}).front(), (Feedback{FeedbackKind::kSingleItem, 1, {4}}));
}

TEST(Feedback, numbers_that_the_session_does_not_have_are_named) {
  EXPECT_EQ(on({{5, 4, 7}, {1, 2, 3}, {8, 1}}), (Remarks{{FeedbackKind::kUnknownProduct, 1, {7}},
                                                         {FeedbackKind::kKeep, 1, {4, 5}},
                                                         {FeedbackKind::kKeep, 2, {1, 2, 3}},
                                                         {FeedbackKind::kUnknownProduct, 3, {8}},
                                                         {FeedbackKind::kSingleItem, 3, {1}}}));
}

TEST(Feedback, the_closest_gold_bundle_judges) {
  bundle::Session two = session();
  two.gold = {{{10, 20, 30, 40}, ""}, {{10, 20, 50}, ""}};
  EXPECT_EQ(feedback_on({{1, 2}}, two).front(), (Feedback{FeedbackKind::kAddMissing, 1, {5}}));
}

TEST(Feedback, its_text_names_products_with_their_titles) {
  EXPECT_EQ(feedback_text(on({{1, 2, 6}, {9, 1}}), session()),
            "bundle1 holds products of another intent: drop product6 (title 6).\n"
            "bundle1 lacks products: add product3 (title 3).\n"
            "bundle2 names numbers that this session does not have: product9.\n"
            "bundle2 has fewer than two products of this session, which is no bundle.\n"
            "A bundle is not there; it lacks products: add product4 (title 4) and product5 (title 5).");
}

TEST(Feedback, an_answer_is_found_in_the_text_around_it) {
  const ProductAnswer expected{{1, 30}};
  const std::string json = R"({"bundle1": ["product1", "product30"]})";
  EXPECT_EQ(proposal_in(json), expected);
  EXPECT_EQ(proposal_in("Not {this}, but\n```json\n" + json + "\n```\nthere."), expected);
  EXPECT_EQ(proposal_in("{}"), ProductAnswer{});
  for (const char* no_answer :
       {"", "none", "{", R"({"bundle1": [1, 2]})", R"({"x": ["product1"]})", R"({"bundle1": ["product0"]})",
        R"({"bundle1": ["product99999999999999"]})"}) {
    EXPECT_EQ(proposal_in(no_answer), std::nullopt) << no_answer;
  }
}

}  // namespace
}  // namespace routedk::distill
