/// The released data set reproduces the published split, gold and baselines. ROUTEDK_DATA_DIR names its
/// folder.

#include "routedk/bundle/baselines.h"
#include "routedk/bundle/bootstrap.h"
#include "routedk/bundle/dataset.h"
#include "routedk/bundle/split.h"
#include "routedk/core/error.h"

#include <cstdlib>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

struct Published {
  const char* domain;
  std::size_t sessions, train;
  std::size_t gold, test_gold;
  double untitled_share;
};
constexpr Published kPublished[] = {{"electronic", 893, 623, 1346, 258, 0.136},
                                    {"clothing", 968, 698, 1488, 273, 0.202},
                                    {"food", 914, 644, 1352, 261, 0.116}};

struct Figures {
  const char* domain;
  const char* baseline;
  double precision, recall, recall_distinct, coverage;
};
constexpr Figures kBaselines[] = {{"electronic", "whole", .261, .261, .261, 1.000},
                                  {"electronic", "first_two", .439, .390, .390, .696},
                                  {"electronic", "random_pairs", .440, .861, .557, .561},
                                  {"electronic", "similar_pair", .767, .640, .640, .779},
                                  {"electronic", "similar_pairs", .628, 1.182, .841, .666},
                                  {"electronic", "similar_groups", .643, .696, .632, .759},
                                  {"clothing", "whole", .206, .206, .206, 1.000},
                                  {"clothing", "first_two", .433, .380, .380, .737},
                                  {"clothing", "random_pairs", .398, .686, .526, .625},
                                  {"food", "whole", .261, .261, .261, 1.000},
                                  {"food", "first_two", .467, .421, .421, .690},
                                  {"food", "random_pairs", .455, .850, .569, .561}};

class PublishedData : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* dir = std::getenv("ROUTEDK_DATA_DIR");
    if (dir == nullptr || *dir == '\0') {
      GTEST_SKIP() << "ROUTEDK_DATA_DIR names no folder of the released data set";
    }
    dir_ = dir;
  }

  Dataset load(const std::string& domain, Untitled untitled = Untitled::kKeep) const {
    return load_dataset({dir_, domain, untitled});
  }

  std::filesystem::path dir_;
};

std::size_t gold_of(const std::vector<Session>& sessions) {
  std::size_t count = 0;
  for (const Session& session : sessions) {
    count += session.gold.size();
  }
  return count;
}

MetricValues baseline_values(const char* baseline, const Dataset& data) {
  const Split split = split_sessions(data.sessions, {});
  return evaluate(score_baseline(baseline, split.test, TfIdf(data.titles)), {.resamples = 1}).values;
}

TEST_F(PublishedData, has_the_published_sessions_split_and_gold) {
  for (const Published& expected : kPublished) {
    const Dataset data = load(expected.domain);
    const Split split = split_sessions(data.sessions, default_split_counts(dir_));
    EXPECT_EQ(data.sessions.size(), expected.sessions) << expected.domain;
    EXPECT_EQ(split.train.size(), expected.train) << expected.domain;
    EXPECT_EQ(split.val.size(), 90U) << expected.domain;
    EXPECT_EQ(split.test.size(), 180U) << expected.domain;
    EXPECT_EQ(gold_of(data.sessions), expected.gold) << expected.domain;
    EXPECT_EQ(gold_of(split.test), expected.test_gold) << expected.domain;
  }
}

TEST_F(PublishedData, electronic_is_titled_in_full_and_the_others_are_not) {
  EXPECT_EQ(load("electronic", Untitled::kError).titles.size(), 4239U);
  for (const Published& expected : {kPublished[1], kPublished[2]}) {
    EXPECT_THROW(load(expected.domain, Untitled::kError), DataError);
    const TitleCount count = load(expected.domain).title_count;
    EXPECT_NEAR(static_cast<double>(count.untitled_positions) / static_cast<double>(count.positions),
                expected.untitled_share, 0.0005);
  }
}

TEST_F(PublishedData, baselines_have_the_published_figures) {
  for (const Figures& expected : kBaselines) {
    const MetricValues values = baseline_values(expected.baseline, load(expected.domain));
    // Random pairs: three times the standard error of the mean of 20 runs, both ours and the published one.
    const bool random = std::string(expected.baseline) == "random_pairs";
    const double error = random ? 0.022 : 0.0005001;
    const std::string what = std::string(expected.domain) + " " + expected.baseline;
    EXPECT_NEAR(values[Metric::kPrecision], expected.precision, error) << what;
    EXPECT_NEAR(values[Metric::kRecall], expected.recall, error) << what;
    EXPECT_NEAR(values[Metric::kRecallDistinct], expected.recall_distinct, error) << what;
    EXPECT_NEAR(values[Metric::kCoverage], expected.coverage, error) << what;
  }
}

TEST_F(PublishedData, baselines_have_the_published_jaccard_and_exact_match_on_electronic) {
  const Dataset data = load("electronic");
  const struct {
    const char* baseline;
    double jaccard_f1, exact_match, error;
  } cases[] = {{"similar_pair", .564, .289, 0.0005001},   {"similar_pairs", .578, .200, 0.0005001},
               {"similar_groups", .418, .150, 0.0005001}, {"whole", .595, .261, 0.0005001},
               {"first_two", .390, .156, 0.0005001},      {"random_pairs", .462, .139, 0.012}};
  for (const auto& expected : cases) {
    const MetricValues values = baseline_values(expected.baseline, data);
    EXPECT_NEAR(values[Metric::kJaccardF1], expected.jaccard_f1, expected.error) << expected.baseline;
    EXPECT_NEAR(values[Metric::kExactMatch], expected.exact_match, expected.error) << expected.baseline;
  }
  EXPECT_NEAR(baseline_values("similar_groups", data)[Metric::kPrecisionAll], .450, 0.0005001);
}

TEST_F(PublishedData, dropping_untitled_items_lifts_the_whole_session_as_published) {
  EXPECT_NEAR(baseline_values("whole", load("clothing", Untitled::kDrop))[Metric::kPrecision], .428,
              0.0005001);
  EXPECT_NEAR(baseline_values("whole", load("food", Untitled::kDrop))[Metric::kPrecision], .333, 0.0005001);
}

}  // namespace
}  // namespace routedk::bundle
