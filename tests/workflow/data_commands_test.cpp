#include "routedk/workflow/data/data_commands.h"

#include <cstdlib>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

const std::filesystem::path kSample = std::filesystem::path(ROUTEDK_SOURCE_DIR) / "data" / "sample";

TEST(SplitJson, names_each_session_once) {
  const io::Json split = split_json({kSample, "food", std::nullopt});
  std::set<std::int64_t> ids;
  for (const char* part : {"train", "val", "test"}) {
    for (const io::Json& id : split.at(part)) {
      EXPECT_TRUE(ids.insert(id.get<std::int64_t>()).second);
    }
  }
  EXPECT_EQ(split.at("test").size(), 63U);
  EXPECT_EQ(split.at("val").size(), 9U);
  EXPECT_EQ(ids.size(), 144U);
}

TEST(SplitJson, given_counts_replace_the_folders_own) {
  const io::Json split = split_json({kSample, "food", bundle::SplitCounts{3, 0}});
  EXPECT_EQ(split.at("test").size(), 27U);
  EXPECT_EQ(split.at("val"), io::Json::array());
}

TEST(StatsJson, counts_agree_with_each_other) {
  const io::Json stats = stats_json({kSample, "clothing", std::nullopt});
  EXPECT_EQ(stats.at("sessions"), 144);
  EXPECT_EQ(stats.at("positions"), 16 * (2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10));
  EXPECT_EQ(stats.at("lengths").at("10"), 16);
  EXPECT_EQ(stats.at("untitled").at("share"), 0.0);
  int gold = 0;
  for (const auto& [name, part] : stats.at("splits").items()) {
    gold += part.at("gold_bundles").get<int>();
  }
  EXPECT_EQ(stats.at("gold_bundles"), gold);
}

TEST(StatsOfReleasedData, are_the_published_ones) {
  const char* dir = std::getenv("ROUTEDK_DATA_DIR");
  if (dir == nullptr || *dir == '\0') {
    GTEST_SKIP() << "ROUTEDK_DATA_DIR names no folder of the released data set";
  }
  const io::Json stats = stats_json({dir, "electronic", std::nullopt});
  EXPECT_EQ(stats.at("sessions"), 893);
  EXPECT_EQ(stats.at("items"), 4239);
  EXPECT_EQ(stats.at("gold_bundles"), 1346);
  EXPECT_EQ(stats.at("splits").at("train").at("sessions"), 623);
  EXPECT_EQ(stats.at("splits").at("test").at("gold_bundles"), 258);
  EXPECT_THAT(stats_text(stats), ::testing::HasSubstr("test    180 sessions,   258 gold bundles"));
}

TEST(StatsText, shows_the_figures_of_the_json) {
  const std::string text = stats_text(stats_json({kSample, "clothing", std::nullopt}));
  EXPECT_THAT(text, ::testing::StartsWith("clothing: 144 sessions"));
  EXPECT_THAT(text, ::testing::HasSubstr("2:16 3:16"));
  EXPECT_THAT(text, ::testing::HasSubstr("test     63 sessions"));
}

}  // namespace
}  // namespace routedk::workflow
