/// data/sample, the project's own invented data, keeps what the demo and the tests build on.

#include "routedk/bundle/baselines.h"
#include "routedk/bundle/bootstrap.h"
#include "routedk/bundle/dataset.h"
#include "routedk/bundle/split.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

const std::filesystem::path kSample = std::filesystem::path(ROUTEDK_SOURCE_DIR) / "data" / "sample";

class SampleData : public ::testing::TestWithParam<const char*> {
 protected:
  SampleData() : data_(load_dataset({kSample, GetParam()})) {}
  Dataset data_;
};

TEST_P(SampleData, every_length_has_sessions_for_every_part_of_its_split) {
  const Split split = split_sessions(data_.sessions, default_split_counts(kSample));
  EXPECT_EQ(split.test.size(), 63U);
  EXPECT_EQ(split.val.size(), 9U);
  EXPECT_EQ(split.train.size(), 72U);
  for (std::int64_t length = 2; length <= 10; ++length) {
    EXPECT_EQ(std::count_if(split.train.begin(), split.train.end(),
                            [=](const Session& session) { return session.length == length; }),
              8);
  }
}

TEST_P(SampleData, exercises_gold_entities_newlines_and_other_scripts) {
  std::size_t annotated = 0;
  for (const auto& [item, title] : data_.titles) {
    annotated +=
        title.find("&amp;") != std::string::npos || title.find("&quot;") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(annotated, 20U);
  EXPECT_TRUE(std::any_of(data_.titles.begin(), data_.titles.end(),
                          [](const auto& entry) { return entry.second.find('\n') != std::string::npos; }));
  std::map<std::size_t, int> sizes;
  bool foreign = false;
  for (const Session& session : data_.sessions) {
    ++sizes[session.gold.size()];
    for (const GoldBundle& gold : session.gold) {
      EXPECT_FALSE(gold.intent.empty());
      foreign = foreign || std::any_of(gold.intent.begin(), gold.intent.end(), [](char c) { return c < 0; });
    }
  }
  EXPECT_TRUE(foreign);
  EXPECT_GT(sizes[1], 20);
  EXPECT_GT(sizes[2], 10);
  EXPECT_GT(sizes[3], 3);
}

TEST_P(SampleData, baselines_solve_little_of_it) {
  for (const std::string_view baseline : kBaselineNames) {
    const Evaluation all =
        evaluate(score_baseline(baseline, data_.sessions, TfIdf(data_.titles)), {.resamples = 1});
    EXPECT_LT(all.values[Metric::kExactMatch], 0.5) << baseline;
    EXPECT_LT(all.values[Metric::kPrecisionAll], 0.75) << baseline;
    EXPECT_GT(all.values[Metric::kPrecisionAll], 0.1) << baseline;
  }
}

std::string name_of(const ::testing::TestParamInfo<const char*>& domain) {
  return domain.param;
}

INSTANTIATE_TEST_SUITE_P(Domains, SampleData, ::testing::Values("electronic", "clothing", "food"), name_of);

}  // namespace
}  // namespace routedk::bundle
