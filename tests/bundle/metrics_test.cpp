#include "routedk/bundle/metrics.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

Session with_gold(const std::vector<Bundle>& gold) {
  Session session;
  for (ItemId item = 1; item <= 6; ++item) {
    session.items.push_back({item, "title", ""});
  }
  for (const Bundle& bundle : gold) {
    session.gold.push_back({bundle, ""});
  }
  return session;
}

MetricValues of_one(const Session& session, const Prediction& prediction) {
  return metric_values(std::vector{score_session(session, prediction)});
}

// The definitions, written down once more as they are spoken: sets, loops and means, nothing shared.
std::map<std::string, double> naive_metrics(const std::vector<Session>& sessions,
                                            const std::vector<Prediction>& predictions) {
  std::map<std::string, double> sum;
  std::vector<double> covered;
  double predicting = 0;
  const auto n = static_cast<double>(sessions.size());
  for (std::size_t s = 0; s < sessions.size(); ++s) {
    std::vector<std::set<ItemId>> gold;
    std::vector<std::set<ItemId>> predicted;
    for (const auto& g : sessions[s].gold) {
      gold.push_back({g.items.begin(), g.items.end()});
    }
    for (const auto& p : predictions[s].value_or(Answer())) {
      const std::set<ItemId> items(p.begin(), p.end());
      if (items.size() > 1) {
        predicted.push_back(items);
      }
    }
    const auto shared = [](const std::set<ItemId>& a, const std::set<ItemId>& b) {
      std::vector<ItemId> both;
      std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
      return static_cast<double>(both.size());
    };
    const auto best = [&](const std::set<ItemId>& a, const std::vector<std::set<ItemId>>& others) {
      double top = 0;
      for (const auto& b : others) {
        std::set<ItemId> united = a;
        united.insert(b.begin(), b.end());
        top = std::max(top, shared(a, b) / static_cast<double>(united.size()));
      }
      return top;
    };
    double hits = 0;
    std::set<std::size_t> first_matches;
    for (const auto& p : predicted) {
      for (std::size_t g = 0; g < gold.size(); ++g) {
        if (shared(p, gold[g]) == static_cast<double>(p.size())) {
          ++hits;
          covered.push_back(shared(p, gold[g]) / static_cast<double>(gold[g].size()));
          first_matches.insert(g);
          break;
        }
      }
    }
    const auto g_count = static_cast<double>(gold.size());
    const auto p_count = static_cast<double>(predicted.size());
    double jp = 0;
    double jr = 0;
    for (const auto& p : predicted) {
      jp += best(p, gold) / p_count;
    }
    for (const auto& g : gold) {
      jr += best(g, predicted) / g_count;
    }
    predicting += p_count > 0 ? 1 : 0;
    sum["p"] += p_count > 0 ? hits / p_count : 0;
    sum["r"] += hits / g_count;
    sum["rd"] += static_cast<double>(first_matches.size()) / g_count;
    sum["parse"] += predictions[s] ? 1 : 0;
    sum["exact"] +=
        std::set(predicted.begin(), predicted.end()) == std::set(gold.begin(), gold.end()) ? 1 : 0;
    sum["bundles"] += p_count;
    sum["jp"] += jp;
    sum["jr"] += jr;
    sum["jf"] += jp + jr > 0 ? 2 * jp * jr / (jp + jr) : 0;
    const double p_distinct = p_count > 0 ? hits / p_count : 0;
    const double r_distinct = static_cast<double>(first_matches.size()) / g_count;
    sum["f"] += hits > 0 ? 2 / (1 / p_distinct + 1 / r_distinct) : 0;
  }
  double cover = 0;
  for (const double c : covered) {
    cover += c / static_cast<double>(covered.size());
  }
  return {{"precision", sum["p"] / predicting},
          {"recall", sum["r"] / predicting},
          {"coverage", cover},
          {"recall_distinct", sum["rd"] / predicting},
          {"precision_all", sum["p"] / n},
          {"recall_all", sum["r"] / n},
          {"recall_distinct_all", sum["rd"] / n},
          {"parse_rate", sum["parse"] / n},
          {"exact_match", sum["exact"] / n},
          {"bundles_per_session", sum["bundles"] / n},
          {"jaccard_precision", sum["jp"] / n},
          {"jaccard_recall", sum["jr"] / n},
          {"jaccard_f1", sum["jf"] / n},
          {"f1", sum["f"] / n}};
}

Answer random_answer(Random& random) {
  Answer answer(random.below(4));
  for (Bundle& bundle : answer) {
    const std::uint64_t size = 1 + random.below(3);
    for (std::uint64_t i = 0; i < size; ++i) {
      bundle.push_back(static_cast<ItemId>(1 + random.below(6)));
    }
  }
  return answer;
}

TEST(Metrics, all_equal_their_definitions_on_random_sessions) {
  Random random(1, "metrics test");
  std::vector<Session> sessions;
  std::vector<Prediction> predictions;
  for (int s = 0; s < 200; ++s) {
    sessions.push_back(with_gold(s % 3 == 0   ? std::vector<Bundle>{{1, 2, 3}, {3, 4, 5, 6}}
                                 : s % 3 == 1 ? std::vector<Bundle>{{1, 2}, {2, 3}, {5, 6}}
                                              : std::vector<Bundle>{{6, 5, 4, 3}}));
    predictions.push_back(random.below(10) == 0 ? Prediction() : Prediction(random_answer(random)));
  }
  const MetricValues values = metric_values(score_sessions(sessions, predictions));
  const auto expected = naive_metrics(sessions, predictions);
  ASSERT_EQ(expected.size(), kMetrics);
  for (std::size_t m = 0; m < kMetrics; ++m) {
    EXPECT_NEAR(values[m], expected.at(std::string(kMetricNames[m])), 1e-12) << kMetricNames[m];
  }
}

TEST(Metrics, a_hit_matches_the_first_gold_bundle_that_holds_it) {
  const auto session = with_gold({{1, 2, 3}, {2, 3, 4, 5}});
  const MetricValues values = of_one(session, Answer{{3, 2}});
  EXPECT_DOUBLE_EQ(values[Metric::kCoverage], 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(values[Metric::kRecallDistinct], 0.5);
}

TEST(Metrics, repeated_predictions_count_each_time_but_once_in_recall_distinct) {
  const MetricValues values = of_one(with_gold({{1, 2}, {3, 4}}), Answer{{1, 2}, {2, 1}, {1, 2}, {5, 6}});
  EXPECT_DOUBLE_EQ(values[Metric::kPrecision], 0.75);
  EXPECT_DOUBLE_EQ(values[Metric::kRecall], 1.5);
  EXPECT_DOUBLE_EQ(values[Metric::kRecallDistinct], 0.5);
  EXPECT_DOUBLE_EQ(values[Metric::kBundlesPerSession], 4.0);
}

TEST(Metrics, bundles_of_fewer_than_two_distinct_items_are_removed) {
  const MetricValues values = of_one(with_gold({{1, 2}}), Answer{{1, 2}, {1}, {2, 2}, {}});
  EXPECT_DOUBLE_EQ(values[Metric::kPrecision], 1.0);
  EXPECT_DOUBLE_EQ(values[Metric::kBundlesPerSession], 1.0);
  EXPECT_DOUBLE_EQ(values[Metric::kExactMatch], 1.0);
}

TEST(Metrics, sessions_without_predictions_count_only_where_all_sessions_do) {
  const auto session = with_gold({{1, 2}});
  const std::vector<SessionScore> scores = {
      score_session(session, Answer{{1, 2}}), score_session(session, Answer{}),
      score_session(session, Answer{{1}}), score_session(session, std::nullopt)};
  const MetricValues values = metric_values(scores);
  EXPECT_DOUBLE_EQ(values[Metric::kPrecision], 1.0);
  EXPECT_DOUBLE_EQ(values[Metric::kPrecisionAll], 0.25);
  EXPECT_DOUBLE_EQ(values[Metric::kRecallDistinctAll], 0.25);
  EXPECT_DOUBLE_EQ(values[Metric::kParseRate], 0.75);
  EXPECT_DOUBLE_EQ(values[Metric::kExactMatch], 0.25);
  EXPECT_DOUBLE_EQ(values[Metric::kJaccardF1], 0.25);
}

TEST(Metrics, items_from_elsewhere_are_a_miss) {
  const MetricValues values = of_one(with_gold({{1, 2}}), Answer{{1, 2, 999}, {1, 2}});
  EXPECT_DOUBLE_EQ(values[Metric::kPrecision], 0.5);
}

TEST(Metrics, empty_denominators_give_zero) {
  for (const double value : metric_values({})) {
    EXPECT_EQ(value, 0.0);
  }
  const MetricValues values = of_one(with_gold({{1, 2}}), std::nullopt);
  for (const double value : values) {
    EXPECT_EQ(value, 0.0);
  }
}

TEST(Metrics, a_list_of_another_length_is_refused) {
  EXPECT_THROW(score_sessions(std::vector<Session>(2), std::vector<Prediction>(1)), DataError);
}

}  // namespace
}  // namespace routedk::bundle
