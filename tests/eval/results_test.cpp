#include "routedk/eval/results.h"

#include <algorithm>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

using bundle::Session;
using ::testing::HasSubstr;

const bundle::BootstrapOptions kBootstrap{1, 200};

/// Four items, gold {0, 1} and {2, 3}.
Session session(bundle::SessionId id) {
  Session made;
  made.id = id;
  made.length = 4;
  for (int i = 0; i < 4; ++i) {
    made.items.push_back({10 * id + i, i < 2 ? "red shirt" : "blue lamp", ""});
  }
  made.gold = {{{10 * id, 10 * id + 1}, ""}, {{10 * id + 2, 10 * id + 3}, ""}};
  return made;
}

std::vector<Session> sessions() {
  return {session(1), session(2), session(3)};
}

/// Gold for the first `right` sessions, unparsed for the others.
std::vector<SessionAnswer> answers(std::size_t right) {
  std::vector<SessionAnswer> all;
  for (const Session& s : sessions()) {
    SessionAnswer answer;
    answer.session = s.id;
    if (all.size() < right) {
      answer.prediction = bundle::Answer{s.gold[0].items, s.gold[1].items};
    }
    answer.candidates = {answer.prediction};
    answer.alpha = {{0.5F, 0.5F}};
    answer.seconds = 2.0;
    all.push_back(std::move(answer));
  }
  return all;
}

TEST(Results, gold_answers_score_1_and_their_seconds_add_up) {
  const io::Json json = to_json(score_answers("gold", sessions(), answers(3), /*mixes=*/true, kBootstrap));
  for (const char* metric : {"precision", "recall", "coverage", "jaccard_f1", "exact_match", "parse_rate"}) {
    EXPECT_DOUBLE_EQ(json.at(metric).get<double>(), 1.0) << metric;
  }
  EXPECT_DOUBLE_EQ(json.at("bundles_per_session").get<double>(), 2.0);
  EXPECT_DOUBLE_EQ(json.at("seconds").get<double>(), 6.0);
  EXPECT_EQ(json.at("routing").size(), 1U);
}

TEST(Results, routing_is_reported_of_systems_that_mix_alone) {
  EXPECT_FALSE(to_json(score_answers("one", sessions(), answers(3), false, kBootstrap)).contains("routing"));
}

TEST(Results, a_comparison_is_the_difference_on_the_same_sessions) {
  const auto better = score_answers("better", sessions(), answers(3), false, kBootstrap);
  const auto worse = score_answers("worse", sessions(), answers(1), false, kBootstrap);
  const io::Json json = compare_systems(better, worse, kBootstrap);
  EXPECT_EQ(json.at("a"), "better");
  EXPECT_NEAR(json.at("parse_rate").at("difference").get<double>(), 2.0 / 3.0, 1e-12);
  EXPECT_NEAR(compare_systems(worse, better, kBootstrap).at("parse_rate").at("difference").get<double>(),
              -2.0 / 3.0, 1e-12);
}

TEST(Results, the_table_has_one_line_a_system_and_floors_without_a_time) {
  const std::map<bundle::ItemId, std::string> titles = [] {
    std::map<bundle::ItemId, std::string> all;
    for (const Session& s : sessions()) {
      for (const bundle::Item& item : s.items) {
        all[item.id] = item.title;
      }
    }
    return all;
  }();
  const std::vector<SystemResult> systems = {
      score_answers("base", sessions(), answers(2), false, kBootstrap),
      score_floor_system("whole", sessions(), bundle::TfIdf(titles), kBootstrap)};
  const std::string table = results_table(systems);
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 3);
  EXPECT_THAT(table, HasSubstr("\nbase "));
  EXPECT_THAT(table, HasSubstr("      6.0\n"));
  EXPECT_THAT(table, HasSubstr("        -\n"));
  EXPECT_TRUE(systems[1].floor);
}

}  // namespace
}  // namespace routedk::eval
