#include "routedk/eval/session_traits.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

TEST(SessionTraits, are_length_mean_similarity_and_gold_bundles) {
  const bundle::TfIdf titles({{1, "red train"}, {2, "red train"}, {3, "towel"}});
  bundle::Session session;
  session.items = {{1, "red train", ""}, {2, "red train", ""}, {3, "towel", ""}};
  session.gold = {{{1, 2}, "a train set"}};
  EXPECT_THAT(traits_of(session, titles), ElementsAre(3.0, DoubleNear(1.0 / 3.0, 1e-12), 1.0));
  session.items.resize(1);
  EXPECT_EQ(traits_of(session, titles)[1], 0.0);
}

TEST(RankCorrelation, looks_at_ranks_alone_and_shares_those_of_equals) {
  const std::vector<double> rising = {1.0, 2.0, 3.0, 4.0};
  EXPECT_NEAR(rank_correlation(rising, std::vector{1.0, 10.0, 100.0, 1000.0}), 1.0, 1e-12);
  EXPECT_NEAR(rank_correlation(rising, std::vector{4.0, 3.0, 2.0, -1.0}), -1.0, 1e-12);
  // ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5)
  EXPECT_NEAR(rank_correlation(std::vector{0.0, 5.0, 5.0, 9.0}, rising), 4.5 / std::sqrt(22.5), 1e-12);
  EXPECT_EQ(rank_correlation(rising, std::vector{2.0, 2.0, 2.0, 2.0}), 0.0);
  EXPECT_EQ(rank_correlation({}, {}), 0.0);
}

TEST(AlphaWithTraits, takes_the_mean_over_layers_and_leaves_out_sessions_without_alpha) {
  std::vector<SessionAnswer> answers(4);
  answers[0].alpha = {{0.9F, 0.1F}, {0.5F, 0.5F}};
  answers[1].alpha = {{0.2F, 0.8F}, {0.6F, 0.4F}};
  answers[3].alpha = {{0.1F, 0.9F}, {0.1F, 0.9F}};
  const std::vector<SessionTraits> traits = {{2, 0.3, 1}, {5, 0.2, 1}, {1, 0.9, 4}, {9, 0.4, 1}};
  const auto found = alpha_with_traits(answers, traits);
  ASSERT_EQ(found.size(), kTraitNames.size());
  EXPECT_THAT(found[0], ElementsAre(DoubleNear(-1.0, 1e-9), DoubleNear(1.0, 1e-9)));
  EXPECT_THAT(found[1], ElementsAre(DoubleNear(-0.5, 1e-9), DoubleNear(0.5, 1e-9)));
  EXPECT_THAT(found[2], ElementsAre(0.0, 0.0));
  EXPECT_NEAR(alpha_entropy(answers[3]), -0.1 * std::log(0.1) - 0.9 * std::log(0.9), 1e-6);
  EXPECT_EQ(alpha_entropy(answers[2]), 0.0);
}

}  // namespace
}  // namespace routedk::eval
