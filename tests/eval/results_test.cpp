#include "routedk/eval/results.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

using bundle::Session;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const bundle::BootstrapOptions kBootstrap{1, 200};

/// Four items, gold {0, 1} and {2, 3}.
Session four_item_session(bundle::SessionId id) {
  Session made;
  made.id = id;
  made.length = 4;
  for (int i = 0; i < 4; ++i) {
    made.items.push_back({10 * id + i, i < 2 ? "red shirt" : "blue lamp", ""});
  }
  made.gold = {{{10 * id, 10 * id + 1}, ""}, {{10 * id + 2, 10 * id + 3}, ""}};
  return made;
}

std::vector<Session> three_sessions() {
  return {four_item_session(1), four_item_session(2), four_item_session(3)};
}

/// Gold for the first `right` sessions, unparsed for the others.
std::vector<SessionAnswer> answers(std::size_t right) {
  std::vector<SessionAnswer> all;
  for (const Session& s : three_sessions()) {
    SessionAnswer answer;
    answer.session = s.id;
    if (all.size() < right) {
      answer.prediction = bundle::Answer{s.gold[0].items, s.gold[1].items};
    }
    answer.candidates = {answer.prediction};
    answer.selections = {{{SelectRule::kVote, 1}, answer.prediction, 1.0, answer.prediction.has_value()}};
    answer.alpha = {{0.5F, 0.5F}};
    answer.seconds = 2.0;
    all.push_back(std::move(answer));
  }
  return all;
}

SystemResult scored(const std::string& name, std::size_t right, bool mixes = false) {
  return score_answers(name, three_sessions(), answers(right), {{SelectRule::kVote, 1}, mixes, kBootstrap})
      .at(0);
}

/// The table of results.json of these, in which comparisons are optional.
Table table_of(const std::vector<SystemResult>& systems, io::Json json = io::Json::object()) {
  json["systems"] = io::Json::object();
  for (const SystemResult& system : systems) {
    json["systems"][system.name] = to_json(system);
  }
  return results_table(io::JsonField(json, "results.json"));
}

/// A row's cell of that column.
Cell cell_of(const Table& table, std::size_t row, const std::string& column) {
  const auto found = std::ranges::find(table.columns, column, &Column::name);
  return table.rows.at(row).cells.at(static_cast<std::size_t>(found - table.columns.begin()));
}

TEST(Results, gold_answers_score_1_and_their_seconds_add_up) {
  const io::Json json = to_json(scored("gold", 3, /*mixes=*/true));
  for (const char* metric : {"precision", "recall", "coverage", "jaccard_f1", "exact_match", "parse_rate"}) {
    EXPECT_DOUBLE_EQ(json.at(metric).get<double>(), 1.0) << metric;
  }
  EXPECT_DOUBLE_EQ(json.at("bundles_per_session").get<double>(), 2.0);
  EXPECT_DOUBLE_EQ(json.at("seconds").get<double>(), 6.0);
  EXPECT_EQ(json.at("routing").size(), 1U);
}

TEST(Results, the_overlap_of_one_candidate_is_null_and_a_dash) {
  const std::vector<SystemResult> one = {scored("one", 2)};
  EXPECT_TRUE(to_json(one[0]).at("overlap").is_null());
  EXPECT_FALSE(cell_of(table_of(one), 0, "equal").value.has_value());
}

TEST(Results, routing_is_reported_of_systems_that_mix_alone) {
  EXPECT_FALSE(to_json(scored("one", 3)).contains("routing"));
}

TEST(Results, a_comparison_is_the_difference_on_the_same_sessions) {
  const auto better = scored("better", 3);
  const auto worse = scored("worse", 1);
  const io::Json json = compare_systems(better, worse, kBootstrap);
  EXPECT_EQ(json.at("a"), "better");
  EXPECT_NEAR(json.at("parse_rate").at("difference").get<double>(), 2.0 / 3.0, 1e-12);
  EXPECT_NEAR(compare_systems(worse, better, kBootstrap).at("parse_rate").at("difference").get<double>(),
              -2.0 / 3.0, 1e-12);
}

TEST(Results, the_table_has_one_line_a_system_and_baselines_without_a_time) {
  const std::map<bundle::ItemId, std::string> titles = [] {
    std::map<bundle::ItemId, std::string> all;
    for (const Session& s : three_sessions()) {
      for (const bundle::Item& item : s.items) {
        all[item.id] = item.title;
      }
    }
    return all;
  }();
  const std::vector<SystemResult> systems = {
      scored("base", 2), score_baseline_system("whole", three_sessions(), bundle::TfIdf(titles), kBootstrap)};
  const Table table = table_of(systems);
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0].name, "base");
  EXPECT_EQ(cell_of(table, 0, "rule").text, "vote");
  EXPECT_EQ(cell_of(table, 0, "n").value, 1.0);
  EXPECT_EQ(cell_of(table, 0, "seconds").value, 6.0);
  EXPECT_EQ(cell_of(table, 1, "rule").text, "baseline");
  EXPECT_FALSE(cell_of(table, 1, "seconds").value.has_value());
  EXPECT_FALSE(cell_of(table, 1, "oracle_f1").value.has_value());
  EXPECT_TRUE(systems[1].baseline);
}

TEST(Results, the_table_shows_a_few_columns_unless_asked_and_has_every_figure_with_its_interval) {
  const Table table = table_of({scored("base", 2), scored("better", 3)});
  const Table usual = shown(table, {});
  std::vector<std::string> names;
  std::ranges::transform(usual.columns, std::back_inserter(names), &Column::name);
  EXPECT_THAT(names, ElementsAre("rule", "n", "f1", "jaccard_f1", "precision_all", "recall_distinct_all"));
  EXPECT_TRUE(usual.rows[0].cells[2].interval.has_value());
  std::istringstream lines(text_table(usual));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100U) << line;
  }
  for (const std::string_view metric : bundle::kMetricNames) {
    const std::string name = metric == "recall"       ? "hits_per_gold"
                             : metric == "recall_all" ? "hits_per_gold_all"
                                                      : std::string(metric);
    const Cell cell = cell_of(table, 0, name);
    EXPECT_EQ(cell.value, to_json(scored("base", 2)).at(std::string(metric)).get<double>()) << metric;
    EXPECT_TRUE(cell.interval.has_value()) << metric;
  }
}

TEST(Results, a_figure_that_can_exceed_1_is_not_called_a_recall_and_a_footnote_has_its_published_name) {
  const Table table = shown(table_of({scored("base", 2)}), {{"hits_per_gold"}, {}});
  EXPECT_THAT(text_table(table), HasSubstr("hits_per_gold: the published recall (`recall` in results.json)"));
  EXPECT_THROW(shown(table, {{"recall"}, {}}), ConfigError);
}

TEST(Results, warnings_name_a_result_by_the_columns_of_the_table_and_the_title_says_what_was_evaluated) {
  SystemResult warned =
      score_answers("base", three_sessions(), answers(2), {{SelectRule::kVote, 4}, false, kBootstrap}).at(0);
  warned.warnings = {"answers all alike"};
  EXPECT_EQ(warned.name, "base n=1");
  EXPECT_EQ(label_of(warned), "base (vote, n=1)");
  const Table table = table_of({warned}, {{"domain", "food"}, {"sessions", 3}, {"split", "val"}});
  EXPECT_THAT(table.warnings, ElementsAre("base (vote, n=1): answers all alike"));
  EXPECT_EQ(table.title, "Results: food, 3 sessions of the val split");
  EXPECT_EQ(table_of({warned}).title, "");
  warned.choice.reset();
  EXPECT_EQ(label_of(warned), "base");
}

TEST(Results, every_metric_that_a_name_does_not_explain_has_a_footnote) {
  const std::string text = text_table(table_of({scored("base", 2)}));
  for (const char* name : {"f1", "parse_rate", "coverage", "pair_auc", "equal", "seconds", "oracle_f1"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + name + ": ")) << name;
  }
}

TEST(Results, the_table_names_rules_in_full_and_shows_p_values_of_comparisons) {
  const Choice choice{SelectRule::kExpectedUtility, 1, {bundle::Utility::kMean, Expectation::kModelBased}};
  std::vector<SessionAnswer> all = answers(3);
  for (SessionAnswer& answer : all) {
    answer.selections = {{choice, answer.prediction, 1.0, true, 0.5}};
  }
  const auto better = score_answers("s", three_sessions(), all, {choice, false, kBootstrap}).at(0);
  const auto backbone = scored("backbone", 1);
  const io::Json compared = compare_systems(better, backbone, kBootstrap);
  const Table table = table_of({better, backbone}, {{"against_backbone", {compared}}});
  EXPECT_EQ(cell_of(table, 0, "rule").text, "expected_utility mean model_based");
  EXPECT_EQ(cell_of(table, 0, "f1_vs_backbone").value, compared["f1"]["difference"].get<double>());
  EXPECT_TRUE(cell_of(table, 0, "f1_vs_backbone").interval.has_value());
  EXPECT_EQ(cell_of(table, 0, "p_vs_backbone").value, compared["f1"]["p_value"].get<double>());
  EXPECT_FALSE(cell_of(table, 1, "p_vs_backbone").value.has_value());
  EXPECT_FALSE(cell_of(table, 0, "p_vs_vote").value.has_value());
}

TEST(Results, a_name_says_what_differs_from_the_usual_choice) {
  const Choice usual{SelectRule::kVote, 4};
  EXPECT_EQ(result_name("dynamic", usual, usual), "dynamic");
  EXPECT_EQ(result_name("dynamic", {SelectRule::kMbr, 4}, usual), "dynamic mbr");
  EXPECT_EQ(result_name("dynamic", {SelectRule::kVote, 8}, usual), "dynamic n=8");
  EXPECT_EQ(result_name("dynamic", {SelectRule::kMbr, 8}, usual), "dynamic mbr n=8");
  EXPECT_EQ(result_name("dynamic", usual, {SelectRule::kMbr, 4}), "dynamic vote");
}

TEST(Results, a_name_says_which_utility_and_expectation_where_the_rule_has_them) {
  const Choice usual{SelectRule::kVote, 4};
  const UtilityOptions other{bundle::Utility::kMean, Expectation::kModelBased};
  EXPECT_EQ(result_name("s", {SelectRule::kExpectedUtility, 4}, usual), "s expected_utility");
  EXPECT_EQ(result_name("s", {SelectRule::kExpectedUtility, 8, other}, usual),
            "s expected_utility utility=mean expectation=model_based n=8");
  EXPECT_EQ(
      result_name("s", {SelectRule::kExpectedUtility, 4, other}, {SelectRule::kExpectedUtility, 4, other}),
      "s");
  EXPECT_EQ(result_name("s", usual, {SelectRule::kVote, 4, other}), "s");
}

TEST(Results, expected_utilities_are_given_session_by_session_and_on_average) {
  const Choice choice{
      SelectRule::kExpectedUtility, 1, {bundle::Utility::kJaccardF1, Expectation::kMonteCarlo}};
  std::vector<SessionAnswer> all = answers(3);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].selections = {{choice, all[i].prediction, 1.0, true, 0.25 * static_cast<double>(i + 1)}};
  }
  all[2].selections[0].expected_utility.reset();  // nothing parsed
  const io::Json json = to_json(score_answers("s", three_sessions(), all, {choice, false, kBootstrap}).at(0));
  EXPECT_EQ(json.at("utility"), "jaccard_f1");
  EXPECT_EQ(json.at("expectation"), "monte_carlo");
  EXPECT_EQ(json.at("expected_utility"),
            io::Json::parse(R"({"mean": 0.375, "sessions": {"1": 0.25, "2": 0.5}})"));
  EXPECT_FALSE(to_json(scored("vote", 3)).contains("expected_utility"));
}

TEST(Results, every_choice_is_scored_by_its_own_predictions_and_the_time_is_that_of_all_samples) {
  const Choice one{SelectRule::kVote, 1};
  const Choice two{SelectRule::kMbr, 2};
  std::vector<SessionAnswer> all = answers(3);
  for (SessionAnswer& answer : all) {
    answer.candidates.emplace_back();
    answer.selections.push_back({two, bundle::Answer{}, 0.0, false});
  }
  const auto results = score_answers("s", three_sessions(), all, {one, false, kBootstrap});
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].name, "s");
  EXPECT_EQ(results[1].name, "s mbr n=2");
  EXPECT_EQ(results[0].figures.values[bundle::Metric::kExactMatch], 1.0);
  EXPECT_EQ(results[1].figures.values[bundle::Metric::kExactMatch], 0.0);
  EXPECT_EQ(results[0].seconds, 0.0);
  EXPECT_EQ(results[1].seconds, 6.0);
  const io::Json json = to_json(results[1]);
  EXPECT_EQ(json.at("select"), "mbr");
  EXPECT_EQ(json.at("samples"), 2);
  EXPECT_EQ(json.at("oracle").at("f1"), 1.0);
  EXPECT_EQ(json.at("overlap").at("equality"), 0.0);
  EXPECT_EQ(json.at("candidates_parsed"), 0.5);
}

TEST(Results, predictions_are_scored_as_answers_are_and_have_no_candidates) {
  std::vector<bundle::Prediction> predictions;
  for (const SessionAnswer& answer : answers(2)) {
    predictions.push_back(answer.prediction);
  }
  const SystemResult result = score_predictions("file", three_sessions(), predictions, kBootstrap);
  EXPECT_EQ(result.figures.values, scored("base", 2).figures.values);
  EXPECT_FALSE(to_json(result).contains("oracle"));
}

}  // namespace
}  // namespace routedk::eval
