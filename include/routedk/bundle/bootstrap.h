/// Percentile bootstrap over sessions: resample b draws as many sessions as there are, with replacement, from
/// the stream (seed, "bootstrap", b). The same seed draws the same sessions for every system, so the
/// differences of resamples are those of a paired bootstrap.
#pragma once

#include "routedk/bundle/metrics.h"

#include <cstdint>
#include <span>
#include <vector>

namespace routedk::bundle {

struct BootstrapOptions {
  std::uint64_t seed = 0;
  int resamples = 10'000;
};

/// A 95 % percentile interval.
struct Interval {
  double low = 0.0;
  double high = 0.0;
};

/// The 2.5 % and 97.5 % quantiles, linearly interpolated; 0 and 0 without samples.
Interval percentile_interval(std::vector<double> samples);

/// The session indices of resample `b`, with repeats.
std::vector<std::uint32_t> draw_resample(std::size_t sessions, std::uint64_t seed, int b);

/// The metrics of one system and their intervals, in the order of Metric.
struct Evaluation {
  MetricValues values{};
  std::array<Interval, kMetrics> intervals;
};

/// The scores of one system on the same sessions, one list per run. Metrics are means over the runs (only
/// random predictors have more than one). All runs must have the same length.
using Runs = std::vector<std::vector<SessionScore>>;

Evaluation evaluate(const Runs& runs, const BootstrapOptions& options = {});

/// System `a` minus system `b` on the same sessions, in each metric. DataError when their numbers of sessions
/// differ.
struct Comparison {
  MetricValues difference{};
  std::array<Interval, kMetrics> intervals;
  /// Two-sided bootstrap p-value, 2 (b + 1) / (B + 1) and at most 1, where b of B resamples are on the rarer
  /// side of 0 (Davison & Hinkley 1997, section 4.2; Phipson & Smyth 2010): never 0.
  MetricValues p_value{};
};
Comparison compare(const Runs& a, const Runs& b, const BootstrapOptions& options = {});

}  // namespace routedk::bundle
