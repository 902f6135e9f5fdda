#include "routedk/distill/rule.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

using Kind = DiscrepancyKind;

bundle::Session session_of(const std::vector<std::string>& categories) {
  bundle::Session session;
  for (const std::string& category : categories) {
    session.items.push_back({static_cast<bundle::ItemId>(session.items.size()) + 1, "title", category});
  }
  return session;
}

TEST(Rule, discrepancies_of_the_same_kinds_of_products_are_one_rule) {
  const auto session = session_of({"Teas", "Cups", "Cups", "Pots"});
  EXPECT_EQ(
      rules_of(session, {{Kind::kSingleItem, 2, 1}, {Kind::kSingleItem, 3, 1}, {Kind::kMissingItem, 4, 1}}),
      (std::vector<Rule>{{Kind::kSingleItem, "Cups", "Teas"}, {Kind::kMissingItem, "Pots", "Teas"}}));
}

TEST(Rule, rules_that_read_both_ways_are_one_rule) {
  const auto session = session_of({"Teas", "Cups"});
  EXPECT_EQ(rules_of(session, {{Kind::kMissedBundle, 1, 2}}),
            rules_of(session, {{Kind::kMissedBundle, 2, 1}}));
  EXPECT_NE(rules_of(session, {{Kind::kSingleItem, 1, 2}}), rules_of(session, {{Kind::kSingleItem, 2, 1}}));
}

TEST(Rule, sentences_name_both_kinds_and_every_discrepancy_reads_differently) {
  std::vector<std::string> sentences;
  for (const auto& [kind, name] : enum_names(Kind{})) {
    const std::string different = rule_text({kind, "Cups", "Teas"});
    EXPECT_NE(different.find("Cups"), different.npos);
    EXPECT_NE(different.find("Teas"), different.npos);
    sentences.push_back(different);
    sentences.push_back(rule_text({kind, "Cups", "Cups"}));
  }
  std::sort(sentences.begin(), sentences.end());
  EXPECT_EQ(std::unique(sentences.begin(), sentences.end()), sentences.end());
}

TEST(Rule, a_kind_of_product_with_braces_stays_text) {
  EXPECT_EQ(rule_text({Kind::kMissedBundle, "{1} cups", "teas"}), "{1} cups and teas serve one intent.");
}

TEST(Rule, support_counts_sessions_and_ranks) {
  const Rule often{Kind::kMissedBundle, "Cups", "Teas"};
  const Rule early{Kind::kMissedBundle, "Cups", "Pots"};
  const std::vector<std::vector<Rule>> sessions{{often, often}, {early, often}, {}};
  const auto ranked = summarise_rules(sessions);
  ASSERT_EQ(ranked.size(), 2U);
  EXPECT_EQ(ranked[0].rule, often);
  EXPECT_EQ(ranked[0].support, 2);
  EXPECT_EQ(ranked[1].rule, early);
  EXPECT_EQ(ranked[1].support, 1);
}

TEST(Rule, a_rule_applies_where_two_items_of_its_kinds_meet) {
  const auto session = session_of({"Teas", "Cups", "Cups"});
  EXPECT_TRUE(applies({Kind::kMissedBundle, "Cups", "Teas"}, session));
  EXPECT_TRUE(applies({Kind::kMissedBundle, "Cups", "Cups"}, session));
  EXPECT_FALSE(applies({Kind::kMissedBundle, "Teas", "Teas"}, session));
  EXPECT_FALSE(applies({Kind::kMissedBundle, "Cups", "Pots"}, session));
}

TEST(Rule, a_session_takes_its_own_rules_then_supported_ones_that_apply) {
  const auto session = session_of({"Teas", "Cups", "Cups", "Pots"});
  const Rule own{Kind::kSingleItem, "Cups", "Teas"};
  const std::vector<SupportedRule> domain{{{Kind::kForeignItem, "Cups", "Teas"}, 9},  // same pair as its own
                                          {{Kind::kMissedBundle, "Jeans", "Tops"}, 8},  // does not apply
                                          {{Kind::kMissedBundle, "Pots", "Teas"}, 3},
                                          {{Kind::kMissedBundle, "Cups", "Cups"}, 2},
                                          {{Kind::kMissedBundle, "Cups", "Pots"}, 1}};  // too little support
  const std::vector<Rule> all{own, domain[2].rule, domain[3].rule};
  EXPECT_EQ(select_rules(session, {own}, domain, 9), all);
  EXPECT_EQ(select_rules(session, {own}, domain, 2), (std::vector<Rule>{all[0], all[1]}));
}

}  // namespace
}  // namespace routedk::distill
