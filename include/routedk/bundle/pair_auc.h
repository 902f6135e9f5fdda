/// Whether sampled candidates know which items go together: `pair_auc`.
#pragma once

#include "routedk/bundle/bootstrap.h"
#include "routedk/bundle/metrics.h"

#include <cstdint>
#include <span>
#include <vector>

namespace routedk::bundle {

/// One pair of items of a session.
struct RankedPair {
  double score = 0.0;
  bool together = false;  ///< the two share a gold bundle
};

/// All pairs of the session's items, each scored by the share of `candidates` in which some bundle holds
/// both; candidates that did not parse count as holding none.
std::vector<RankedPair> candidate_pairs(const Session& session, std::span<const Prediction> candidates);

/// Area under the ROC curve of the pairs of all sessions pooled: the chance that a pair of one gold bundle
/// scores above one that shares none, ties counting half; 0 where there are no pairs of either kind. The
/// interval resamples sessions as `evaluate` does.
struct PairAuc {
  double value = 0.0;
  Interval interval;
};
PairAuc pair_auc(std::span<const std::vector<RankedPair>> pairs_of_session,
                 const BootstrapOptions& options = {});

}  // namespace routedk::bundle
