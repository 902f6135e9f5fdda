#include "routedk/distill/rule_lines.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

using bundle::KnowledgeKind;
using Rules = std::vector<std::string>;

TEST(RuleLines, rules_stand_behind_their_label_whatever_decorates_it) {
  EXPECT_EQ(
      rules_in(
          "Cause: I looked at brands.\nRule: Put chargers with their phones.\n"
          "- **Rule:** Keep gifts apart from tools.\n2. Rule 2: Screens go with their cables. \n"
          "  * RULE: Cases belong to one device.\nRuler: no rule of any kind\nThe rule is clear: no rule.",
          9),
      (Rules{"Put chargers with their phones.", "Keep gifts apart from tools.",
             "Screens go with their cables.", "Cases belong to one device."}));
}

TEST(RuleLines, the_first_different_ones_are_taken_up_to_the_limit) {
  const std::string reply = "Rule: a b c d\nRule: a b c d\nRule: e f g h\nRule: i j k l\n";
  EXPECT_EQ(rules_in(reply, 2), (Rules{"a b c d", "e f g h"}));
}

TEST(RuleLines, what_is_not_general_is_no_rule) {
  std::string long_rule = "Rule:";
  for (int i = 0; i < 61; ++i) {
    long_rule += " word";
  }
  EXPECT_TRUE(rules_in("Rule: too short\nRule: put product1 with the third\n" + long_rule, 9).empty());
}

TEST(RuleLines, product_numbers_are_seen_in_every_spelling) {
  for (const char* text : {"product3", "Product 3", "PRODUCTS 1 and 3", "the product12.", "(product-3)"}) {
    EXPECT_TRUE(names_product_numbers(text)) << text;
  }
  for (const char* text :
       {"product", "3 products", "byproduct3", "product three", "productive 3", "product3d"}) {
    EXPECT_FALSE(names_product_numbers(text)) << text;
  }
}

bundle::KnowledgeStore store(const std::vector<std::string>& texts) {
  bundle::KnowledgeStore made;
  for (const std::string& text : texts) {
    const auto session = static_cast<bundle::SessionId>(made.size());
    bundle::KnowledgeRecord record{session, KnowledgeKind::kRules, text};
    record.failure = text.empty() ? "failed" : "";
    made.put(record);
  }
  return made;
}

TEST(Induction, rules_rank_by_the_sessions_that_taught_them) {
  const auto rules =
      induce_rules(store({"Mice go with keyboards.\nTea goes with cups.", "Tea goes with cups.", "",
                          "Lamps need their shades.\nTea goes with cups."}),
                   9);
  EXPECT_EQ(rules, (std::vector<DomainRule>{{"Tea goes with cups.", 3},
                                            {"Mice go with keyboards.", 1},
                                            {"Lamps need their shades.", 1}}));
}

TEST(Induction, rules_that_say_the_same_are_one_and_a_session_counts_once) {
  const auto rules = induce_rules(
      store({"Put tea with cups.\nput TEA with cups", "Put cups with tea!", "Put lamps with shades."}), 9);
  EXPECT_EQ(rules, (std::vector<DomainRule>{{"Put tea with cups.", 2}, {"Put lamps with shades.", 1}}));
}

TEST(Induction, words_that_all_rules_share_do_not_make_them_the_same) {
  const auto rules = induce_rules(store({"Keep cables apart from cases even when their titles are alike.",
                                         "Keep lenses apart from tripods even when their titles are alike."}),
                                  9);
  EXPECT_EQ(rules.size(), 2U);
}

TEST(Induction, the_best_supported_stay_within_the_limit) {
  const auto rules = induce_rules(store({"One is first.", "Two is second.", "Two is second."}), 1);
  EXPECT_EQ(rules, (std::vector<DomainRule>{{"Two is second.", 2}}));
}

}  // namespace
}  // namespace routedk::distill
