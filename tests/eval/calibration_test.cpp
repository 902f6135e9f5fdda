#include "routedk/eval/calibration.h"

#include "routedk/core/random.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

TEST(CalibrationOfShares, by_hand) {
  // Two at .5 of which one hits, and one at 1 that misses: |1.0 - 1| / 3 and |1 - 0| / 3.
  const std::vector<Confidence> answers = {{0.5, true}, {0.5, false}, {1.0, false}};
  const Calibration found = calibration(answers);
  EXPECT_DOUBLE_EQ(found.ece, 1.0 / 3.0);
  ASSERT_EQ(found.bins.size(), 2U);
  EXPECT_DOUBLE_EQ(found.bins[0].share, 0.5);
  EXPECT_DOUBLE_EQ(found.bins[0].hit, 0.5);
  EXPECT_EQ(found.bins[1].answers, 1);
  EXPECT_EQ(calibration({}).ece, 0.0);
}

TEST(CalibrationOfShares, equals_the_naive_sum_and_is_small_where_shares_are_probabilities) {
  Random random(7, "calibration");
  std::vector<Confidence> answers;
  for (int i = 0; i < 20000; ++i) {
    const double share = static_cast<double>(random.below(33)) / 32.0;
    answers.push_back({share, random.uniform() < share});
  }
  std::map<int, std::vector<Confidence>> bins;
  for (const Confidence& answer : answers) {
    int bin = 0;
    while (answer.share > (bin + 1) * 0.1 + 1e-12) {
      ++bin;
    }
    bins[bin].push_back(answer);
  }
  double naive = 0.0;
  for (const auto& [bin, members] : bins) {
    double share = 0.0;
    double hits = 0.0;
    for (const Confidence& member : members) {
      share += member.share;
      hits += member.hit ? 1.0 : 0.0;
    }
    naive += std::abs(share - hits) / 20000.0;
  }
  const Calibration found = calibration(answers);
  EXPECT_NEAR(found.ece, naive, 1e-12);
  EXPECT_LT(found.ece, 0.02);
  EXPECT_EQ(found.bins.size(), bins.size());
  for (Confidence& answer : answers) {
    answer.hit = false;
  }
  EXPECT_GT(calibration(answers).ece, 0.4);
}

}  // namespace
}  // namespace routedk::eval
