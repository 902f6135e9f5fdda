#include "routedk/bundle/baselines.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

Session of_items(const std::vector<ItemId>& ids, SessionId id = 1) {
  Session session;
  session.id = id;
  for (const ItemId item : ids) {
    session.items.push_back({item, "title", ""});
  }
  return session;
}

const std::map<ItemId, std::string>& known_titles() {
  static const std::map<ItemId, std::string> kTitles = {
      {1, "red steam train"}, {2, "towel"}, {3, "RED train, train"}, {4, "soft towel"}, {5, "?!"}};
  return kTitles;
}

Answer predict(std::string_view name, const std::vector<ItemId>& ids) {
  return *predict_baseline(name, std::vector{of_items(ids)}, TfIdf(known_titles()))[0];
}

TEST(TfIdf, is_the_cosine_of_log_weighted_word_counts) {
  // words: red 2, steam 1, train 2, towel 2, soft 1 of N = 5 titles
  const double red = std::log(5.0 / 2.0);
  const double train = std::log(5.0 / 2.0);
  const double steam = std::log(5.0);
  const double trains = (1.0 + std::log(2.0)) * train;
  const double expected = (red * red + train * trains) /
                          std::sqrt(red * red + steam * steam + train * train) /
                          std::sqrt(red * red + trains * trains);
  const TfIdf tfidf(known_titles());
  EXPECT_NEAR(tfidf.similarity(1, 3), expected, 1e-12);
  EXPECT_NEAR(tfidf.similarity(3, 1), expected, 1e-12);
  EXPECT_NEAR(tfidf.similarity(4, 4), 1.0, 1e-12);
  EXPECT_EQ(tfidf.similarity(1, 2), 0.0);
}

TEST(TfIdf, titles_without_words_and_unknown_items_are_similar_to_nothing) {
  const TfIdf tfidf(known_titles());
  EXPECT_EQ(tfidf.similarity(5, 5), 0.0);
  EXPECT_EQ(tfidf.similarity(1, 99), 0.0);
}

TEST(Baselines, whole_and_first_two_follow_the_session) {
  EXPECT_EQ(predict("whole", {4, 2, 3}), (Answer{{4, 2, 3}}));
  EXPECT_EQ(predict("first_two", {4, 2, 3}), (Answer{{4, 2}}));
}

TEST(Baselines, similar_pair_is_the_best_and_among_equals_the_earliest) {
  EXPECT_EQ(predict("similar_pair", {5, 4, 3, 1}), (Answer{{3, 1}}));
  EXPECT_EQ(predict("similar_pair", {5, 2, 1}), (Answer{{5, 2}}));
}

TEST(Baselines, similar_pairs_takes_the_best_first_and_pairs_off_the_rest) {
  EXPECT_EQ(predict("similar_pairs", {4, 5, 3, 1, 2}), (Answer{{3, 1}, {4, 2}}));
  EXPECT_EQ(predict("similar_pairs", {1, 5}), (Answer{{1, 5}}));
}

TEST(Baselines, similar_groups_are_connected_components) {
  // 10-11 and 11-12 are similar, 10-12 share no word; 13 stands alone.
  const std::map<ItemId, std::string> chain = {{10, "a b"}, {11, "b c"}, {12, "c d"}, {13, "e"}};
  const auto answer =
      predict_baseline("similar_groups", std::vector{of_items({12, 13, 10, 11})}, TfIdf(chain))[0];
  EXPECT_EQ(*answer, (Answer{{12, 10, 11}}));
  EXPECT_EQ(predict("similar_groups", {1, 2, 5}), Answer());
}

TEST(Baselines, random_pairs_pair_off_all_items_differently_in_each_run_and_session) {
  const std::vector<ItemId> ids = {1, 2, 3, 4, 5, 6, 7};
  const std::vector<Session> sessions = {of_items(ids, 1), of_items(ids, 2)};
  const TfIdf none({});
  const auto run = predict_baseline("random_pairs", sessions, none, 0, 0);
  std::set<ItemId> used;
  ASSERT_EQ(run[0]->size(), 3U);
  for (const Bundle& pair : *run[0]) {
    ASSERT_EQ(pair.size(), 2U);
    used.insert(pair.begin(), pair.end());
  }
  EXPECT_EQ(used.size(), 6U);
  EXPECT_EQ(run, predict_baseline("random_pairs", sessions, none, 0, 0));
  EXPECT_NE(run[0], run[1]);
  EXPECT_NE(run, predict_baseline("random_pairs", sessions, none, 0, 1));
  EXPECT_NE(run, predict_baseline("random_pairs", sessions, none, 1, 0));
}

TEST(Baselines, every_pair_of_items_is_drawn_equally_often) {
  const std::vector<Session> sessions = {of_items({0, 1, 2, 3, 4})};
  const TfIdf none({});
  std::map<std::set<ItemId>, int> times;
  for (int run = 0; run < 4000; ++run) {
    const auto predictions = predict_baseline("random_pairs", sessions, none, 0, run);
    for (const Bundle& pair : *predictions[0]) {
      ++times[{pair.begin(), pair.end()}];
    }
  }
  EXPECT_EQ(times.size(), 10U);
  for (const auto& [pair, count] : times) {
    EXPECT_NEAR(count, 800, 130);  // 5 standard deviations of 26
  }
}

TEST(Baselines, a_session_of_fewer_than_two_items_gets_an_empty_answer) {
  for (const std::string_view name : kBaselineNames) {
    EXPECT_EQ(predict(name, {1}), Answer()) << name;
    EXPECT_EQ(predict(name, {}), Answer()) << name;
  }
}

TEST(Baselines, an_unknown_baseline_is_refused) {
  EXPECT_THROW(predict("best", {1, 2}), ConfigError);
}

TEST(Baselines, random_pairs_alone_are_scored_as_twenty_runs) {
  const std::vector<Session> sessions = {of_items({1, 2, 3})};
  EXPECT_EQ(score_baseline("random_pairs", sessions, TfIdf({})).size(), 20U);
  EXPECT_EQ(score_baseline("whole", sessions, TfIdf({})).size(), 1U);
}

}  // namespace
}  // namespace routedk::bundle
