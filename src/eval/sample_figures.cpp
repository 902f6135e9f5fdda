#include "routedk/eval/sample_figures.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace routedk::eval {
namespace {

using bundle::Metric;
using bundle::Prediction;
using bundle::Session;

std::span<const Prediction> first(const SessionAnswer& answer, std::int64_t samples) {
  return std::span(answer.candidates)
      .first(std::min(static_cast<std::size_t>(samples), answer.candidates.size()));
}

Prediction oracle_of(const Session& session, std::span<const Prediction> candidates) {
  Prediction best = candidates.empty() ? Prediction(bundle::Answer{}) : Prediction();
  std::tuple<bool, double, double> highest{false, 0.0, 0.0};
  for (const Prediction& candidate : candidates) {
    const bundle::MetricValues own = bundle::score_session(session, candidate).numerator;
    const std::tuple figures{candidate.has_value(), own[Metric::kF1], own[Metric::kJaccardF1]};
    if (figures > highest) {
      highest = figures;
      best = candidate;
    }
  }
  return best;
}

using BundleSet = std::set<bundle::Bundle>;

double jaccard(const BundleSet& a, const BundleSet& b) {
  const auto common =
      std::count_if(a.begin(), a.end(), [&](const bundle::Bundle& own) { return b.contains(own); });
  const auto united = static_cast<double>(a.size() + b.size()) - static_cast<double>(common);
  return united > 0 ? static_cast<double>(common) / united : 1.0;
}

/// For one session's candidates, of which there are at least two. They are normalised: equal sets are equal
/// answers.
Overlap overlap_of(std::span<const Prediction> candidates) {
  Overlap sum;
  double pairs = 0.0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    for (std::size_t j = i + 1; j < candidates.size(); ++j, ++pairs) {
      if (candidates[i] && candidates[j]) {
        const BundleSet a(candidates[i]->begin(), candidates[i]->end());
        const BundleSet b(candidates[j]->begin(), candidates[j]->end());
        sum.equality += a == b ? 1.0 : 0.0;
        sum.jaccard += jaccard(a, b);
      }
    }
  }
  return {sum.equality / pairs, sum.jaccard / pairs};
}

}  // namespace

SampleFigures sample_figures(std::span<const Session> sessions, std::span<const SessionAnswer> answers,
                             std::int64_t samples, const bundle::BootstrapOptions& bootstrap) {
  std::vector<std::vector<bundle::RankedPair>> pairs;
  std::vector<Prediction> oracles;
  SampleFigures figures;
  Overlap overlap;  // summed over the sessions
  double overlapping = 0.0;
  double candidates = 0.0;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    const auto own = first(answers[i], samples);
    pairs.push_back(bundle::candidate_pairs(sessions[i], own));
    oracles.push_back(oracle_of(sessions[i], own));
    candidates += static_cast<double>(own.size());
    figures.parsed += static_cast<double>(
        std::count_if(own.begin(), own.end(), [](const Prediction& c) { return c.has_value(); }));
    if (own.size() >= 2) {
      const Overlap of_session = overlap_of(own);
      overlap.equality += of_session.equality;
      overlap.jaccard += of_session.jaccard;
      ++overlapping;
    }
  }
  figures.pair_auc = bundle::pair_auc(pairs, bootstrap);
  figures.oracle = bundle::evaluate({bundle::score_sessions(sessions, oracles)}, bootstrap);
  if (overlapping > 0.0) {
    figures.overlap = {overlap.equality / overlapping, overlap.jaccard / overlapping};
  }
  figures.parsed /= std::max(candidates, 1.0);
  return figures;
}

}  // namespace routedk::eval
