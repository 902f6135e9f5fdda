/// What a system's candidates hold, whichever of them is chosen: what selection can gain at most, and how
/// much they differ.
#pragma once

#include "routedk/bundle/bootstrap.h"
#include "routedk/bundle/pair_auc.h"
#include "routedk/eval/answers.h"

#include <cstdint>
#include <optional>
#include <span>

namespace routedk::eval {

/// How alike candidates are: the mean over all pairs of a session's candidates, then over the sessions with a
/// pair. A candidate that did not parse is like no other.
struct Overlap {
  double equality = 0.0;  ///< share of pairs with the same answer
  double jaccard = 0.0;   ///< of the two answers as sets of bundles; of two empty answers 1
};

/// Of the first `samples` candidates of each session.
struct SampleFigures {
  bundle::PairAuc pair_auc;
  /// Of each session's best candidate by Metric::kF1, of equals by Metric::kJaccardF1, then the first: it
  /// looks at gold.
  bundle::Evaluation oracle;
  std::optional<Overlap> overlap;  ///< none where no session has two candidates
  double parsed = 0.0;             ///< share of the candidates
};

/// Sessions without candidates count with the empty answer in `oracle` and with nothing elsewhere.
SampleFigures sample_figures(std::span<const bundle::Session> sessions,
                             std::span<const SessionAnswer> answers, std::int64_t samples,
                             const bundle::BootstrapOptions& bootstrap);

}  // namespace routedk::eval
