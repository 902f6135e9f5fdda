#include "routedk/bundle/pair_auc.h"

#include "routedk/core/random.h"

#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

double naive_auc(const std::vector<std::vector<RankedPair>>& sessions) {
  double won = 0;
  double contests = 0;
  for (const auto& left : sessions) {
    for (const auto& right : sessions) {
      for (const RankedPair& a : left) {
        for (const RankedPair& b : right) {
          if (a.together && !b.together) {
            won += a.score > b.score ? 1.0 : a.score == b.score ? 0.5 : 0.0;
            contests += 1.0;
          }
        }
      }
    }
  }
  return won / contests;
}

TEST(CandidatePairs, a_pair_scores_the_share_of_candidates_in_which_a_bundle_holds_both) {
  Session session;
  session.items = {{1, "a", ""}, {2, "b", ""}, {3, "c", ""}};
  session.gold = {{{1, 3}, ""}};
  const std::vector<Prediction> candidates = {Answer{{1, 2}, {2, 1}}, Answer{{1, 2, 3}}, Answer{{1}, {2}},
                                              std::nullopt};
  const auto pairs = candidate_pairs(session, candidates);
  ASSERT_EQ(pairs.size(), 3U);
  EXPECT_DOUBLE_EQ(pairs[0].score, 0.5);   // 1, 2
  EXPECT_DOUBLE_EQ(pairs[1].score, 0.25);  // 1, 3
  EXPECT_DOUBLE_EQ(pairs[2].score, 0.25);  // 2, 3
  EXPECT_FALSE(pairs[0].together);
  EXPECT_TRUE(pairs[1].together);
  EXPECT_FALSE(pairs[2].together);
}

TEST(PairAuc, equals_the_count_of_won_contests_between_all_pairs_of_all_sessions) {
  Random random(1, "pair auc test");
  std::vector<std::vector<RankedPair>> sessions(20);
  for (auto& pairs : sessions) {
    for (std::uint64_t i = random.below(10); i > 0; --i) {
      pairs.push_back({static_cast<double>(random.below(5)) / 4.0, random.below(3) == 0});
    }
  }
  const PairAuc auc = pair_auc(sessions, {.resamples = 300});
  EXPECT_NEAR(auc.value, naive_auc(sessions), 1e-12);
  EXPECT_LT(auc.interval.low, auc.value);
  EXPECT_GT(auc.interval.high, auc.value);
}

TEST(PairAuc, perfect_ranking_is_1_and_ties_are_a_half) {
  const std::vector<std::vector<RankedPair>> perfect = {{{0.9, true}}, {{0.1, false}}};
  const std::vector<std::vector<RankedPair>> tied = {{{0.5, true}, {0.5, false}}};
  EXPECT_DOUBLE_EQ(pair_auc(perfect, {.resamples = 1}).value, 1.0);
  EXPECT_DOUBLE_EQ(pair_auc(tied, {.resamples = 1}).value, 0.5);
}

TEST(PairAuc, is_0_where_nothing_can_be_ranked) {
  const std::vector<std::vector<RankedPair>> only_together = {{{0.9, true}}};
  EXPECT_EQ(pair_auc(only_together, {.resamples = 3}).value, 0.0);
  EXPECT_EQ(pair_auc({}, {.resamples = 3}).value, 0.0);
}

}  // namespace
}  // namespace routedk::bundle
