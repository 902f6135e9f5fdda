/// Properties of a system's candidates, independent of the choice: the upper bound of selection, and how much
/// they differ.
#pragma once

#include "routedk/bundle/bootstrap.h"
#include "routedk/bundle/pair_auc.h"
#include "routedk/eval/answers.h"

#include <cstdint>
#include <optional>
#include <span>

namespace routedk::eval {

/// How similar candidates are: the mean over all pairs of a session's candidates, then over the sessions with
/// a pair. A candidate that did not parse equals no other.
struct Overlap {
  double equality = 0.0;  ///< share of pairs with the same answer
  double jaccard = 0.0;   ///< of the two answers as sets of bundles; 1 for two empty answers
};

/// Over the first `samples` candidates of each session.
struct SampleFigures {
  bundle::PairAuc pair_auc;
  /// Of each session's best candidate by Metric::kF1, ties by Metric::kJaccardF1, then the first; uses gold.
  bundle::Evaluation oracle;
  std::optional<Overlap> overlap;  ///< empty if no session has two candidates
  double parsed = 0.0;             ///< share of the candidates
};

/// Sessions without candidates count as the empty answer in `oracle` and are ignored elsewhere.
SampleFigures sample_figures(std::span<const bundle::Session> sessions,
                             std::span<const SessionAnswer> answers, std::int64_t samples,
                             const bundle::BootstrapOptions& bootstrap);

}  // namespace routedk::eval
