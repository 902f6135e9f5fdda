/// The quality of predicted bundles. Let P_s be the predicted bundles of session s with at least 2 distinct
/// items, and G_s its gold bundles. A predicted bundle hits if it is a subset of some gold bundle; it then
/// matches the first such one in gold order. Repeated predictions count each time.
///
/// Every metric is a ratio of two sums over sessions. Each session contributes one pair of numbers, so
/// resampling only re-adds those pairs.
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

/// A system's answer for one session; nothing if its answer did not parse.
using Prediction = std::optional<Answer>;

enum class Metric : std::uint8_t {
  kPrecision,          ///< hits / |P_s|, mean over the sessions that predicted something
  kRecall,             ///< hits / |G_s|, mean over the same sessions; can exceed 1
  kCoverage,           ///< mean of |p & g| / |g| over all hits, all sessions pooled
  kRecallDistinct,     ///< gold bundles that some hit matches / |G_s|, over the same sessions
  kPrecisionAll,       ///< like precision, over all sessions, 0 where nothing was predicted
  kRecallAll,          ///< like recall, over all sessions
  kRecallDistinctAll,  ///< like recall_distinct, over all sessions
  kParseRate,          ///< share of sessions whose answer parsed
  kExactMatch,         ///< share of sessions whose set of predicted bundles is exactly gold's
  kBundlesPerSession,  ///< |P_s|, mean over all sessions
  kJaccardPrecision,   ///< mean over P_s of the best Jaccard with a gold bundle, over all sessions
  kJaccardRecall,      ///< mean over G_s of the best Jaccard with a predicted one, over all sessions
  kJaccardF1,          ///< harmonic mean of those two per session, over all sessions
  kF1,  ///< per session, harmonic mean of precision_all and recall_distinct_all; over all sessions
};

inline constexpr std::size_t kMetrics = 14;
/// The metric names in results files, in the order of Metric.
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

/// One number per metric.
class MetricValues : public std::array<double, kMetrics> {
 public:
  double& operator[](Metric metric) { return array::operator[](static_cast<std::size_t>(metric)); }
  double operator[](Metric metric) const { return array::operator[](static_cast<std::size_t>(metric)); }
  using array::operator[];
};

/// One session's contribution to the two sums of each metric.
struct SessionScore {
  MetricValues numerator{};
  MetricValues denominator{};
};

/// Scores one session against its gold bundles. Items that are not in the session are legal and hit nothing.
SessionScore score_session(const Session& session, const Prediction& prediction);

/// One score per session; DataError when the lists differ in length.
std::vector<SessionScore> score_sessions(std::span<const Session> sessions,
                                         std::span<const Prediction> predictions);

/// Sum of numerators / sum of denominators; 0 if the denominator is 0.
MetricValues metric_values(std::span<const SessionScore> scores);

}  // namespace routedk::bundle
