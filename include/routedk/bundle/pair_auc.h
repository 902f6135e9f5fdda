/// How well sampled candidates tell which items belong together: `pair_auc`.
#pragma once

#include "routedk/bundle/bootstrap.h"
#include "routedk/bundle/metrics.h"

#include <cstdint>
#include <span>
#include <vector>

namespace routedk::bundle {

/// A pair of items of a session.
struct RankedPair {
  double score = 0.0;
  bool together = false;  ///< the items share a gold bundle
};

/// All pairs of the session's items, each scored by the share of `candidates` with a bundle that contains
/// both; unparsed candidates count as containing none.
std::vector<RankedPair> candidate_pairs(const Session& session, std::span<const Prediction> candidates);

/// Area under the ROC curve over the pairs of all sessions pooled: the probability that a pair that shares a
/// gold bundle scores above one that does not, ties counting half; 0 if there are no pairs of either kind.
/// The interval resamples sessions as `evaluate` does.
struct PairAuc {
  double value = 0.0;
  Interval interval;
};
PairAuc pair_auc(std::span<const std::vector<RankedPair>> pairs_of_session,
                 const BootstrapOptions& options = {});

}  // namespace routedk::bundle
