#include "routedk/workflow/steps/summary.h"

#include "support/lines_of.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using bundle::Metric;
using routedk::testing::lines_of;
using ::testing::HasSubstr;
using ::testing::Not;

eval::SystemResult result(const std::string& name, const std::string& system, double f1, double jaccard,
                          bool baseline = false) {
  eval::SystemResult made;
  made.name = name;
  made.system = system;
  made.baseline = baseline;
  made.figures.values[Metric::kF1] = f1;
  made.figures.values[Metric::kJaccardF1] = jaccard;
  made.figures.intervals[static_cast<std::size_t>(Metric::kF1)] = {f1 - 0.05, f1 + 0.05};
  return made;
}

TEST(Summary, a_line_a_system_under_the_usual_choice_with_a_star_at_the_best_of_each_column) {
  const std::vector<eval::SystemResult> results = {
      result("backbone n=8", "backbone", 0.9, 0.9), result("backbone", "backbone", 0.3, 0.25),
      result("dynamic", "dynamic", 0.55512, 0.4),   result("dynamic mbr", "dynamic", 0.8, 0.8),
      result("base mbr", "base", 0.55498, 0.3),     result("whole", "whole", 0.2, 0.45, true)};
  const std::vector<std::string> lines = lines_of(summary_table("food", results));
  ASSERT_EQ(lines.size(), 8U);
  EXPECT_EQ(lines[0], "food");
  EXPECT_THAT(lines[2], HasSubstr("backbone                the model, untrained"));
  EXPECT_THAT(lines[2], HasSubstr("0.300  [0.250, 0.350]  0.250 "));
  EXPECT_THAT(lines[3], HasSubstr("all experts, routed"));
  EXPECT_THAT(lines[3], HasSubstr("0.555* [0.505, 0.605]  0.400 "));
  EXPECT_THAT(lines[4], HasSubstr("base mbr                one expert: sessions alone"));
  EXPECT_THAT(lines[4], HasSubstr("0.555* ")) << "equal as shown";
  EXPECT_THAT(lines[5], HasSubstr("the session as one bundle"));
  EXPECT_THAT(lines[5], HasSubstr("0.450*"));
}

TEST(Summary, no_line_of_the_table_is_longer_than_100_columns_whatever_the_names) {
  std::vector<eval::SystemResult> results;
  for (const std::string name :
       {"one_lora_on_router_data", "random_experts", "ensemble",
        "predictions:/a/long/way/to/the/answers.jsonl", "ties_factors:0.25",
        "router:runs/another\nrun/router", "ablate:fine_grained", "one-hot:2", "static"}) {
    results.push_back(result(name, name, 0.5, 0.5));
  }
  const std::vector<std::string> lines = lines_of(summary_table("food", results));
  ASSERT_EQ(lines.size(), results.size() + 4 + 2) << "two names have a line of their own";
  for (const std::string& line : lines) {
    EXPECT_LE(line.size(), 100U) << line;
  }
  EXPECT_THAT(lines[2], HasSubstr("one_lora_on_router_data one expert: the router's data"));
  EXPECT_EQ(lines[5], "predictions:/a/long/way/to/the/answers.jsonl");
  EXPECT_THAT(lines[6], HasSubstr("                        answers of a file"));
  EXPECT_THAT(summary_table("food", results), Not(HasSubstr("0.500*"))) << "where all are equal none is best";
}

TEST(Summary, the_title_says_what_chose_among_how_many_candidates) {
  std::vector<eval::SystemResult> results = {result("itemsets", "itemsets", 0.5, 0.5),
                                             result("base", "base", 0.5, 0.5)};
  EXPECT_EQ(lines_of(summary_table("food, 9 sessions", results))[0], "food, 9 sessions");
  results[1].choice = eval::Choice{eval::SelectRule::kMbr, 8};
  EXPECT_EQ(lines_of(summary_table("food, 9 sessions", results))[0], "food, 9 sessions, mbr of 8 candidates");
}

TEST(Summary, warnings_follow_with_rule_and_number_of_candidates) {
  std::vector<eval::SystemResult> results = {result("base n=8", "base", 0.5, 0.5)};
  EXPECT_THAT(summary_table("", results), Not(HasSubstr("warning")));
  results[0].warnings = {"answers all sessions alike"};
  EXPECT_EQ(lines_of(summary_table("", results)).back(), "warning: base: answers all sessions alike");
  results[0].choice = eval::Choice{eval::SelectRule::kVote, 8};
  EXPECT_EQ(lines_of(summary_table("", results)).back(),
            "warning: base (vote, n=8): answers all sessions alike");
}

}  // namespace
}  // namespace routedk::workflow
