#include "routedk/workflow/data/score.h"

#include "routedk/bundle/metrics.h"
#include "routedk/core/error.h"

#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace routedk::workflow {
namespace {

const std::filesystem::path kScoredSample = std::filesystem::path(ROUTEDK_SOURCE_DIR) / "data" / "sample";

class Score : public ::testing::Test {
 protected:
  Score()
      : path_(std::filesystem::path(::testing::TempDir()) /
              ("routedk_score_" + std::to_string(getpid()) + ".jsonl")),
        split_(bundle::split_sessions(bundle::load_dataset({kScoredSample, "electronic"}).sessions,
                                      bundle::default_split_counts(kScoredSample))) {}
  ~Score() override { std::filesystem::remove(path_); }

  /// Gold itself for `sessions`, unparsed for every `null_every`-th.
  void write_gold(const std::vector<bundle::Session>& sessions, std::size_t null_every) const {
    std::ofstream out(path_);
    for (std::size_t i = 0; i < sessions.size(); ++i) {
      io::Json bundles = io::Json::array();
      for (const auto& gold : sessions[i].gold) {
        bundles.push_back(gold.items);
      }
      out << io::Json{{"session", sessions[i].id}, {"bundles", i % null_every == 0 ? io::Json() : bundles}}
          << '\n';
    }
  }

  ScoreOptions for_split(bundle::SplitPart split) const {
    ScoreOptions options;
    options.data_dir = kScoredSample;
    options.domain = "electronic";
    options.split = split;
    options.predictions = path_;
    return options;
  }

  std::filesystem::path path_;
  bundle::Split split_;
};

TEST_F(Score, gold_with_every_third_answer_unparsed_is_right_in_the_rest) {
  write_gold(split_.val, 3);
  const io::Json result = score(for_split(bundle::SplitPart::kVal));
  EXPECT_EQ(result.at("sessions"), 9);
  EXPECT_EQ(result.at("domain"), "electronic");
  EXPECT_EQ(result.at("split"), "val");
  EXPECT_EQ(result.at("leaky_titles"), false);
  EXPECT_EQ(result.at("precision"), 1.0);
  EXPECT_EQ(result.at("coverage"), 1.0);
  EXPECT_DOUBLE_EQ(result.at("parse_rate").get<double>(), 6.0 / 9.0);
  EXPECT_DOUBLE_EQ(result.at("exact_match").get<double>(), 6.0 / 9.0);
  EXPECT_LT(result.at("intervals").at("exact_match")[0].get<double>(), 6.0 / 9.0);
  EXPECT_GT(result.at("intervals").at("exact_match")[1].get<double>(), 6.0 / 9.0);
  for (const std::string_view name : bundle::kMetricNames) {
    EXPECT_TRUE(result.contains(std::string(name))) << name;
  }
}

TEST_F(Score, a_baseline_is_scored_by_its_name_as_its_own_predictions_are) {
  ScoreOptions baseline = for_split(bundle::SplitPart::kTest);
  baseline.predictions.clear();
  baseline.predictor = "first_two";
  std::ofstream out(path_);
  for (const bundle::Session& session : split_.test) {
    out << io::Json{{"session", session.id}, {"bundles", {{session.items[0].id, session.items[1].id}}}}
        << '\n';
  }
  out.close();
  io::Json of_file = score(for_split(bundle::SplitPart::kTest));
  ASSERT_EQ(of_file.at("warnings").size(), 1U) << "a file that says the same of all is one that collapsed";
  EXPECT_THAT(of_file["warnings"][0].get<std::string>(), ::testing::HasSubstr("the same answer: [1, 2]"));
  of_file["warnings"].clear();
  EXPECT_EQ(score(baseline), of_file);
}

TEST_F(Score, items_that_a_session_does_not_have_are_counted) {
  std::ofstream out(path_);
  for (std::size_t i = 0; i < split_.test.size(); ++i) {
    const auto& items = split_.test[i].items;
    const std::int64_t last = i == 0 ? 99'999'999 : items[1 + i % (items.size() - 1)].id;
    out << io::Json{{"session", split_.test[i].id}, {"bundles", {{items[0].id, last}}}} << '\n';
  }
  out.close();
  const io::Json warnings = score(for_split(bundle::SplitPart::kTest)).at("warnings");
  const std::string said = fmt::format(
      "1 of {} items in the answers are not in their sessions, so they miss: item 99999999 in session {} "
      "first",
      2 * split_.test.size(), split_.test.front().id);
  EXPECT_THAT(warnings, ::testing::Contains(io::Json(said)));
}

TEST_F(Score, exactly_one_of_file_and_baseline_must_be_given_and_the_baseline_known) {
  ScoreOptions options = for_split(bundle::SplitPart::kTest);
  options.predictor = "whole";
  EXPECT_THROW(score(options), ConfigError);
  options.predictions.clear();
  options.predictor = "best";
  EXPECT_THROW(score(options), ConfigError);
  options.predictor.clear();
  EXPECT_THROW(score(options), ConfigError);
}

TEST_F(Score, is_the_same_each_time) {
  write_gold(split_.test, 4);
  EXPECT_EQ(score(for_split(bundle::SplitPart::kTest)), score(for_split(bundle::SplitPart::kTest)));
}

TEST_F(Score, predictions_for_another_split_are_refused) {
  write_gold(split_.val, 3);
  EXPECT_THROW(score(for_split(bundle::SplitPart::kTest)), DataError);
}

}  // namespace
}  // namespace routedk::workflow
