#include "routedk/bundle/bootstrap.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

std::vector<SessionScore> random_scores(std::size_t sessions, std::uint64_t seed, double shift = 0.0) {
  Random random(seed, "bootstrap test");
  std::vector<SessionScore> scores(sessions);
  for (SessionScore& score : scores) {
    for (std::size_t m = 0; m < kMetrics; ++m) {
      score.numerator[m] = random.uniform() + shift;
      score.denominator[m] = 1.0;
    }
    score.denominator[Metric::kCoverage] = static_cast<double>(1 + random.below(3));
  }
  return scores;
}

TEST(PercentileInterval, is_linear_between_neighbours) {
  std::vector<double> samples(101);
  std::iota(samples.begin(), samples.end(), 0.0);
  std::reverse(samples.begin(), samples.end());
  EXPECT_DOUBLE_EQ(percentile_interval(samples).low, 2.5);
  EXPECT_DOUBLE_EQ(percentile_interval(samples).high, 97.5);
  EXPECT_DOUBLE_EQ(percentile_interval({3.0}).low, 3.0);
  EXPECT_DOUBLE_EQ(percentile_interval({}).high, 0.0);
}

TEST(DrawResample, draws_with_replacement_the_same_for_the_same_seed) {
  const auto drawn = draw_resample(1000, 3, 7);
  EXPECT_EQ(drawn, draw_resample(1000, 3, 7));
  EXPECT_NE(drawn, draw_resample(1000, 3, 8));
  EXPECT_NE(drawn, draw_resample(1000, 4, 7));
  std::vector<int> times(1000, 0);
  for (const std::uint32_t session : drawn) {
    ASSERT_LT(session, 1000U);
    ++times[session];
  }
  // (1 - 1/n)^n of the sessions are never drawn: 0.368 +- 5 standard deviations of 0.0099.
  EXPECT_NEAR(static_cast<double>(std::count(times.begin(), times.end(), 0)) / 1000.0, 0.368, 0.05);
}

TEST(Evaluate, the_interval_of_a_mean_is_that_of_the_normal_approximation) {
  const auto scores = random_scores(400, 1);
  const Evaluation evaluation = evaluate({scores}, {.seed = 5});
  double mean = 0.0;
  double squares = 0.0;
  for (const SessionScore& score : scores) {
    mean += score.numerator[Metric::kPrecision] / 400.0;
    squares += std::pow(score.numerator[Metric::kPrecision], 2) / 400.0;
  }
  const double error = std::sqrt((squares - mean * mean) / 400.0);
  const Interval interval = evaluation.intervals[0];
  EXPECT_NEAR(evaluation.values[Metric::kPrecision], mean, 1e-12);
  EXPECT_NEAR(interval.low, mean - 1.96 * error, 0.1 * error);
  EXPECT_NEAR(interval.high, mean + 1.96 * error, 0.1 * error);
}

TEST(Evaluate, pooled_ratios_resample_numerator_and_denominator_together) {
  std::vector<SessionScore> scores(50);
  for (std::size_t s = 0; s < scores.size(); ++s) {  // every session has the same ratio
    scores[s].denominator[Metric::kCoverage] = static_cast<double>(1 + s);
    scores[s].numerator[Metric::kCoverage] = 0.5 * static_cast<double>(1 + s);
  }
  const Evaluation evaluation = evaluate({scores}, {.resamples = 200});
  const Interval interval = evaluation.intervals[static_cast<std::size_t>(Metric::kCoverage)];
  EXPECT_DOUBLE_EQ(evaluation.values[Metric::kCoverage], 0.5);
  EXPECT_NEAR(interval.low, 0.5, 1e-12);
  EXPECT_NEAR(interval.high, 0.5, 1e-12);
}

TEST(Evaluate, runs_are_averaged) {
  const auto a = random_scores(30, 1);
  const auto b = random_scores(30, 2);
  const double mean = 0.5 * (metric_values(a)[Metric::kCoverage] + metric_values(b)[Metric::kCoverage]);
  EXPECT_NEAR(evaluate({a, b}, {.resamples = 10}).values[Metric::kCoverage], mean, 1e-12);
}

TEST(Evaluate, ten_thousand_resamples_of_180_sessions_are_quick) {
  const auto scores = random_scores(180, 1);
  const auto start = std::chrono::steady_clock::now();
  evaluate({scores});
  // Far above the time of an optimised build, so that sanitizers on a busy machine pass too.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Compare, a_constant_gain_is_certain_and_no_gain_is_not) {
  const auto base = random_scores(100, 1);
  const auto better = random_scores(100, 1, 0.1);
  const Comparison gain = compare({better}, {base}, {.resamples = 500});
  EXPECT_NEAR(gain.difference[Metric::kPrecision], 0.1, 1e-12);
  EXPECT_NEAR(gain.intervals[0].low, 0.1, 1e-12);  // paired: the noise of the sessions cancels
  EXPECT_NEAR(gain.intervals[0].high, 0.1, 1e-12);
  EXPECT_DOUBLE_EQ(gain.p_value[Metric::kPrecision], 2.0 / 501.0);  // no resample of 500 disagrees
  EXPECT_EQ(compare({base}, {base}, {.resamples = 500}).p_value[Metric::kPrecision], 1.0);
}

/// How many resampled differences lie on the rarer side of 0.
int rarer_side(const std::vector<SessionScore>& other, const std::vector<SessionScore>& one,
               const BootstrapOptions& options) {
  int not_above = 0;
  int not_below = 0;
  for (int b = 0; b < options.resamples; ++b) {
    double difference = 0.0;
    for (const std::uint32_t s : draw_resample(one.size(), options.seed, b)) {
      difference += other[s].numerator[Metric::kPrecision] - one[s].numerator[Metric::kPrecision];
    }
    not_above += difference <= 0.0 ? 1 : 0;
    not_below += difference >= 0.0 ? 1 : 0;
  }
  return std::min(not_above, not_below);
}

TEST(Compare, a_p_value_is_twice_the_rarer_side_with_the_sample_itself_counted) {
  const BootstrapOptions options{7, 200};
  const auto one = random_scores(30, 1);
  int between = 0;
  for (int seed = 2; seed < 12; ++seed) {
    const auto other = random_scores(30, static_cast<std::uint64_t>(seed));
    const int rarer = rarer_side(other, one, options);
    between += rarer > 0 && rarer < 99 ? 1 : 0;
    EXPECT_DOUBLE_EQ(compare({other}, {one}, options).p_value[Metric::kPrecision],
                     std::min(1.0, 2.0 * (rarer + 1) / 201.0));
  }
  EXPECT_GT(between, 2);
}

TEST(Compare, systems_on_other_sessions_are_refused) {
  EXPECT_THROW(compare({random_scores(3, 1)}, {random_scores(4, 1)}), DataError);
}

}  // namespace
}  // namespace routedk::bundle
