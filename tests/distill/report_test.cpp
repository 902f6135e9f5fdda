#include "routedk/distill/report.h"

#include <string>
#include <vector>

#include "distill/shop.h"
#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

using bundle::KnowledgeKind;

bool readable(const std::string& text) {
  return can_be_read_off(text, shop_session(), {10, 30});
}

TEST(Report, a_statement_with_words_of_each_title_gives_the_bundle_away) {
  EXPECT_TRUE(readable("Light: brass one with linen one."));
  EXPECT_TRUE(readable("First this. Then BRASS-like and linen."));
  EXPECT_FALSE(readable("Light: brass. Cover: linen."));
  EXPECT_FALSE(readable("Light: brass\nlinen"));
}

TEST(Report, words_that_several_titles_share_name_nothing) {
  EXPECT_FALSE(readable("A lamp with linen."));
}

TEST(Report, product_numbers_name_items_exactly) {
  EXPECT_TRUE(readable("product1 and product3"));
  EXPECT_TRUE(readable("Product 1 and product 3"));
  EXPECT_FALSE(readable("product1 and product13"));
  EXPECT_FALSE(readable("item 1 and item 3"));
}

TEST(Report, a_word_that_names_another_item_does_not_hide_numbers) {
  EXPECT_TRUE(readable("green porcelain: product1 and product3"));
}

TEST(Report, function_words_and_short_words_name_nothing) {
  bundle::Session session = shop_session();
  session.items[0].title = "one for w";
  EXPECT_FALSE(can_be_read_off("one for w and linen", session, {10, 30}));
}

TEST(Report, a_list_of_all_titles_gives_nothing_away_but_a_bundle_of_all) {
  const std::string all = "brass, green, linen, porcelain";
  EXPECT_FALSE(readable(all));
  EXPECT_TRUE(can_be_read_off(all, shop_session(), {10, 20, 30, 40}));
}

TEST(Report, shares_count_records_and_bundles_apart) {
  bundle::KnowledgeStore store;
  const auto put = [&](bundle::SessionId session, KnowledgeKind kind, const std::string& text) {
    bundle::KnowledgeRecord record{session, kind, text};
    record.turns = {{"think", "x", "too short"}, {"think", "y", ""}};
    record.prompt_tokens = 10;
    record.completion_tokens = 1;
    record.seconds = 0.5;
    record.failure = text.empty() ? "think: too short" : "";
    store.put(record);
  };
  put(1, KnowledgeKind::kThought, "brass linen. green porcelain");
  put(2, KnowledgeKind::kThought, "brass linen");
  put(2, KnowledgeKind::kRules, "green porcelain");
  put(3, KnowledgeKind::kThought, "");
  const std::vector<bundle::Session> training{shop_session(1), shop_session(2), shop_session(3)};
  const KnowledgeShare share = knowledge_share(training, store, KnowledgeKind::kThought);
  EXPECT_EQ(share.records_read_off, 1);
  EXPECT_EQ(to_json(share), (io::Json{{"sessions", 3},
                                      {"records", 2},
                                      {"failed", 1},
                                      {"failures", {{"think: too short", 1}}},
                                      {"turns", 6},
                                      {"problems", 3},
                                      {"prompt_tokens", 30},
                                      {"completion_tokens", 3},
                                      {"seconds", 1.5},
                                      {"gold_read_off", 0.5},
                                      {"bundles_read_off", 0.75},
                                      {"mean_words", 3.0}}));
  EXPECT_EQ(to_json(KnowledgeShare{}).at("gold_read_off"), 0.0);
}

TEST(Report, feedback_is_counted_for_first_and_later_proposals_that_passed) {
  bundle::KnowledgeRecord record{1, KnowledgeKind::kRules, "rule"};
  record.turns = {{"propose", "no JSON", "no good"},
                  {"propose", R"({"bundle1": ["product1", "product2"]})", ""},
                  {"reflect", "{}", ""},
                  {"propose", R"({"bundle1": ["product1", "product3"], "bundle2": ["product9"]})", ""}};
  bundle::KnowledgeStore store;
  store.put(record);
  const std::vector<bundle::Session> training{shop_session(1), shop_session(2)};
  const io::Json counts = feedback_counts(training, store);
  EXPECT_EQ(counts.at("first"), io::Json::parse(R"({"keep": 0, "remove": 1, "drop_foreign": 0,
            "add_missing": 2, "single_item": 0, "unknown_product": 0})"));
  EXPECT_EQ(counts.at("later"), io::Json::parse(R"({"keep": 1, "remove": 0, "drop_foreign": 0,
            "add_missing": 1, "single_item": 1, "unknown_product": 1})"));
}

}  // namespace
}  // namespace routedk::distill
