#include "routedk/bundle/bootstrap.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"

#include <algorithm>
#include <cmath>

namespace routedk::bundle {
namespace {

using Resamples = std::vector<MetricValues>;

MetricValues mean_values(const Runs& runs, std::span<const std::uint32_t> sessions) {
  MetricValues mean{};
  for (const auto& run : runs) {
    SessionScore sum;
    for (const std::uint32_t s : sessions) {
      for (std::size_t m = 0; m < kMetrics; ++m) {
        sum.numerator[m] += run[s].numerator[m];
        sum.denominator[m] += run[s].denominator[m];
      }
    }
    for (std::size_t m = 0; m < kMetrics; ++m) {
      const double value = sum.denominator[m] > 0 ? sum.numerator[m] / sum.denominator[m] : 0.0;
      mean[m] += value / static_cast<double>(runs.size());
    }
  }
  return mean;
}

MetricValues mean_values(const Runs& runs) {
  MetricValues mean{};
  for (const auto& run : runs) {
    const MetricValues values = metric_values(run);
    for (std::size_t m = 0; m < kMetrics; ++m) {
      mean[m] += values[m] / static_cast<double>(runs.size());
    }
  }
  return mean;
}

std::size_t session_count(const Runs& runs) {
  return runs.empty() ? 0 : runs.front().size();
}

Resamples resample(const Runs& runs, const BootstrapOptions& options) {
  Resamples resamples;
  resamples.reserve(static_cast<std::size_t>(options.resamples));
  for (int b = 0; b < options.resamples; ++b) {
    resamples.push_back(mean_values(runs, draw_resample(session_count(runs), options.seed, b)));
  }
  return resamples;
}

std::vector<double> column(const Resamples& resamples, std::size_t metric) {
  std::vector<double> values;
  values.reserve(resamples.size());
  for (const MetricValues& resample : resamples) {
    values.push_back(resample[metric]);
  }
  return values;
}

/// The `q` quantile of the samples; reorders them.
double quantile(std::vector<double>& samples, double q) {
  const double place = q * static_cast<double>(samples.size() - 1);
  const auto below = static_cast<std::ptrdiff_t>(std::floor(place));
  std::nth_element(samples.begin(), samples.begin() + below, samples.end());
  const double low = samples[static_cast<std::size_t>(below)];
  if (below + 1 == static_cast<std::ptrdiff_t>(samples.size())) {
    return low;
  }
  const double high = *std::min_element(samples.begin() + below + 1, samples.end());
  return low + (place - static_cast<double>(below)) * (high - low);
}

/// 2 (b + 1) / (B + 1): the observed sample counts as an additional resample, so p is never 0.
double two_sided_p(const std::vector<double>& differences) {
  const auto not_above =
      std::count_if(differences.begin(), differences.end(), [](double d) { return d <= 0; });
  const auto not_below =
      std::count_if(differences.begin(), differences.end(), [](double d) { return d >= 0; });
  const auto beyond = static_cast<double>(std::min(not_above, not_below) + 1);
  return std::min(1.0, 2.0 * beyond / static_cast<double>(differences.size() + 1));
}

}  // namespace

Interval percentile_interval(std::vector<double> samples) {
  if (samples.empty()) {
    return {};
  }
  const double low = quantile(samples, 0.025);
  return {low, quantile(samples, 0.975)};
}

std::vector<std::uint32_t> draw_resample(std::size_t sessions, std::uint64_t seed, int b) {
  Random random(seed, "bootstrap", {static_cast<std::uint64_t>(b)});
  std::vector<std::uint32_t> drawn(sessions);
  std::generate(drawn.begin(), drawn.end(),
                [&] { return static_cast<std::uint32_t>(random.below(sessions)); });
  return drawn;
}

Evaluation evaluate(const Runs& runs, const BootstrapOptions& options) {
  const Resamples resamples = resample(runs, options);
  Evaluation evaluation;
  evaluation.values = mean_values(runs);
  for (std::size_t m = 0; m < kMetrics; ++m) {
    evaluation.intervals[m] = percentile_interval(column(resamples, m));
  }
  return evaluation;
}

Comparison compare(const Runs& a, const Runs& b, const BootstrapOptions& options) {
  if (session_count(a) != session_count(b)) {
    throw_<DataError>("Systems must be compared on the same sessions, but one has {} and the other {}.",
                      session_count(a), session_count(b));
  }
  const Resamples of_a = resample(a, options);
  const Resamples of_b = resample(b, options);
  const MetricValues values_a = mean_values(a);
  const MetricValues values_b = mean_values(b);
  Comparison comparison;
  for (std::size_t m = 0; m < kMetrics; ++m) {
    std::vector<double> differences = column(of_a, m);
    const std::vector<double> others = column(of_b, m);
    std::transform(differences.begin(), differences.end(), others.begin(), differences.begin(),
                   std::minus<>());
    comparison.difference[m] = values_a[m] - values_b[m];
    comparison.p_value[m] = two_sided_p(differences);
    comparison.intervals[m] = percentile_interval(std::move(differences));
  }
  return comparison;
}

}  // namespace routedk::bundle
