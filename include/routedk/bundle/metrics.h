/// How good predicted bundles are. With P_s the predicted bundles of session s that have at least 2 distinct
/// items and G_s its gold bundles, a predicted bundle hits when it is a subset of some gold bundle, the first
/// such in gold's order. Repeated predictions count each time.
///
/// Every metric is a ratio of two sums over sessions, so a session contributes one pair of numbers to each,
/// and resampling sessions only adds those up again.
#pragma once

#include "routedk/bundle/session.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace routedk::bundle {

/// What a system answered for one session; nothing where its answer did not parse.
using Prediction = std::optional<Answer>;

enum class Metric : std::uint8_t {
  kPrecision,          ///< hits / |P_s|, mean over the sessions that predicted something
  kRecall,             ///< hits / |G_s|, mean over the same sessions; can exceed 1
  kCoverage,           ///< mean of |p & g| / |g| over all hits, all sessions pooled
  kRecallDistinct,     ///< gold bundles that are the first match of some hit / |G_s|, over the same sessions
  kPrecisionAll,       ///< as precision, over all sessions, 0 where nothing was predicted
  kRecallAll,          ///< as recall, over all sessions
  kRecallDistinctAll,  ///< as recall_distinct, over all sessions
  kParseRate,          ///< share of sessions whose answer parsed
  kExactMatch,         ///< share of sessions whose set of predicted bundles is exactly gold's
  kBundlesPerSession,  ///< |P_s|, mean over all sessions
  kJaccardPrecision,   ///< mean over P_s of the best Jaccard with a gold bundle, over all sessions
  kJaccardRecall,      ///< mean over G_s of the best Jaccard with a predicted one, over all sessions
  kJaccardF1,          ///< the harmonic mean of the two in each session, over all sessions
  kF1,                 ///< that of precision_all and recall_distinct_all in each session, over all sessions
};

inline constexpr std::size_t kMetrics = 14;
/// The names of results files, in the order of Metric.
inline constexpr std::array<std::string_view, kMetrics> kMetricNames = {"precision",
                                                                        "recall",
                                                                        "coverage",
                                                                        "recall_distinct",
                                                                        "precision_all",
                                                                        "recall_all",
                                                                        "recall_distinct_all",
                                                                        "parse_rate",
                                                                        "exact_match",
                                                                        "bundles_per_session",
                                                                        "jaccard_precision",
                                                                        "jaccard_recall",
                                                                        "jaccard_f1",
                                                                        "f1"};

/// One number for each metric.
class MetricValues : public std::array<double, kMetrics> {
 public:
  double& operator[](Metric metric) { return array::operator[](static_cast<std::size_t>(metric)); }
  double operator[](Metric metric) const { return array::operator[](static_cast<std::size_t>(metric)); }
  using array::operator[];
};

/// What one session adds to the two sums of each metric.
struct SessionScore {
  MetricValues numerator{};
  MetricValues denominator{};
};

/// Scores one session by its gold bundles. Items that the session does not hold are legal and hit nothing.
SessionScore score_session(const Session& session, const Prediction& prediction);

/// One score a session; DataError when the two lists differ in length.
std::vector<SessionScore> score_sessions(std::span<const Session> sessions,
                                         std::span<const Prediction> predictions);

/// Sum of numerators / sum of denominators; 0 where the denominator is 0.
MetricValues metric_values(std::span<const SessionScore> scores);

}  // namespace routedk::bundle
