#include "routedk/bundle/metrics.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <set>

namespace routedk::bundle {
namespace {

using ItemSet = std::set<ItemId>;

std::vector<ItemSet> as_sets(const Answer& bundles) {
  std::vector<ItemSet> sets;
  for (const Bundle& bundle : bundles) {
    if (ItemSet items(bundle.begin(), bundle.end()); items.size() >= 2) {
      sets.push_back(std::move(items));
    }
  }
  return sets;
}

std::vector<ItemSet> gold_sets(const Session& session) {
  std::vector<ItemSet> sets;
  for (const GoldBundle& bundle : session.gold) {
    sets.emplace_back(bundle.items.begin(), bundle.items.end());
  }
  return sets;
}

double ratio(double numerator, double denominator) {
  return denominator > 0 ? numerator / denominator : 0.0;
}

double jaccard(const ItemSet& a, const ItemSet& b) {
  const auto common = std::count_if(a.begin(), a.end(), [&](ItemId item) { return b.contains(item); });
  return static_cast<double>(common) /
         static_cast<double>(a.size() + b.size() - static_cast<std::size_t>(common));
}

/// Mean over `from` of the best Jaccard with one of `to`.
double mean_best_jaccard(const std::vector<ItemSet>& from, const std::vector<ItemSet>& to) {
  double sum = 0.0;
  for (const ItemSet& a : from) {
    double best = 0.0;
    for (const ItemSet& b : to) {
      best = std::max(best, jaccard(a, b));
    }
    sum += best;
  }
  return ratio(sum, static_cast<double>(from.size()));
}

double harmonic_mean(double a, double b) {
  return ratio(2.0 * a * b, a + b);
}

struct Hits {
  double count = 0.0;
  double coverage = 0.0;           // sum of |p & g| / |g|
  std::set<std::size_t> distinct;  // gold bundles hit
};

Hits count_hits(const std::vector<ItemSet>& predicted, const std::vector<ItemSet>& gold) {
  Hits hits;
  for (const ItemSet& p : predicted) {
    const auto match = std::find_if(gold.begin(), gold.end(), [&](const ItemSet& g) {
      return std::includes(g.begin(), g.end(), p.begin(), p.end());
    });
    if (match != gold.end()) {
      ++hits.count;
      hits.coverage += static_cast<double>(p.size()) / static_cast<double>(match->size());
      hits.distinct.insert(static_cast<std::size_t>(match - gold.begin()));
    }
  }
  return hits;
}

void add_jaccard(const std::vector<ItemSet>& predicted, const std::vector<ItemSet>& gold, MetricValues& out) {
  const double precision = mean_best_jaccard(predicted, gold);
  const double recall = mean_best_jaccard(gold, predicted);
  out[Metric::kJaccardPrecision] = precision;
  out[Metric::kJaccardRecall] = recall;
  out[Metric::kJaccardF1] = harmonic_mean(precision, recall);
}

}  // namespace

SessionScore score_session(const Session& session, const Prediction& prediction) {
  const auto predicted = prediction ? as_sets(*prediction) : std::vector<ItemSet>();
  const auto gold = gold_sets(session);
  const Hits hits = count_hits(predicted, gold);
  const auto gold_count = static_cast<double>(gold.size());
  SessionScore score;
  score.denominator.fill(1.0);
  for (const Metric metric : {Metric::kPrecision, Metric::kRecall, Metric::kRecallDistinct}) {
    score.denominator[metric] = predicted.empty() ? 0.0 : 1.0;
  }
  score.denominator[Metric::kCoverage] = hits.count;

  MetricValues& value = score.numerator;
  value[Metric::kPrecision] = ratio(hits.count, static_cast<double>(predicted.size()));
  value[Metric::kRecall] = ratio(hits.count, gold_count);
  value[Metric::kCoverage] = hits.coverage;
  value[Metric::kRecallDistinct] = ratio(static_cast<double>(hits.distinct.size()), gold_count);
  value[Metric::kPrecisionAll] = value[Metric::kPrecision];
  value[Metric::kRecallAll] = value[Metric::kRecall];
  value[Metric::kRecallDistinctAll] = value[Metric::kRecallDistinct];
  value[Metric::kParseRate] = prediction ? 1.0 : 0.0;
  const bool exact =
      prediction && std::set(predicted.begin(), predicted.end()) == std::set(gold.begin(), gold.end());
  value[Metric::kExactMatch] = exact ? 1.0 : 0.0;
  value[Metric::kBundlesPerSession] = static_cast<double>(predicted.size());
  add_jaccard(predicted, gold, value);
  value[Metric::kF1] = harmonic_mean(value[Metric::kPrecisionAll], value[Metric::kRecallDistinctAll]);
  return score;
}

std::vector<SessionScore> score_sessions(std::span<const Session> sessions,
                                         std::span<const Prediction> predictions) {
  if (sessions.size() != predictions.size()) {
    throw_<DataError>("Every session must have a prediction, but {} sessions have {}.", sessions.size(),
                      predictions.size());
  }
  std::vector<SessionScore> scores;
  scores.reserve(sessions.size());
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    scores.push_back(score_session(sessions[i], predictions[i]));
  }
  return scores;
}

MetricValues metric_values(std::span<const SessionScore> scores) {
  SessionScore sum;
  for (const SessionScore& score : scores) {
    for (std::size_t m = 0; m < kMetrics; ++m) {
      sum.numerator[m] += score.numerator[m];
      sum.denominator[m] += score.denominator[m];
    }
  }
  MetricValues values{};
  for (std::size_t m = 0; m < kMetrics; ++m) {
    values[m] = ratio(sum.numerator[m], sum.denominator[m]);
  }
  return values;
}

}  // namespace routedk::bundle
