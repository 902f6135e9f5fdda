#include "routedk/eval/preference.h"

#include "routedk/core/random.h"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

/// Sessions whose first trait decides which system is better, against noise; the second trait says nothing.
struct Sessions {
  std::vector<double> gains;
  std::vector<std::vector<double>> traits;
};

Sessions drawn_sessions(int count, double strength) {
  Random random(3, "preference");
  Sessions made;
  for (int i = 0; i < count; ++i) {
    const double told = 2.0 * random.uniform() - 1.0;
    made.traits.push_back({10.0 + 4.0 * told, random.uniform()});
    made.gains.push_back(strength * told + 2.0 * random.uniform() - 1.0);
  }
  return made;
}

/// Every row is of a session of its own.
std::vector<std::int64_t> each(const Sessions& made) {
  std::vector<std::int64_t> sessions(made.gains.size());
  std::iota(sessions.begin(), sessions.end(), 0);
  return sessions;
}

TEST(Preference, finds_what_decides) {
  const Sessions made = drawn_sessions(300, 3.0);
  const Preference found = preference_of(made.gains, made.traits, each(made));
  EXPECT_EQ(found.decided, 300);
  EXPECT_NEAR(found.share_a_better, 0.5, 0.08);
  EXPECT_GT(found.accuracy, 0.8);
  EXPECT_GT(found.auc, 0.88);
  EXPECT_GT(found.coefficients[0], 1.0);
  EXPECT_LT(std::abs(found.coefficients[1]), 0.5);
}

TEST(Preference, does_not_foretell_noise) {
  const Sessions made = drawn_sessions(300, 0.0);
  const Preference found = preference_of(made.gains, made.traits, each(made));
  EXPECT_NEAR(found.auc, 0.5, 0.1);
  EXPECT_LT(std::abs(found.coefficients[0]), 0.3);
}

TEST(Preference, a_session_that_comes_again_is_never_seen_before_it_is_foretold) {
  // 40 sessions with a trait of their own each and a side at random, five times over
  Random random(5, "again");
  Sessions made;
  std::vector<std::int64_t> sessions;
  for (int i = 0; i < 40; ++i) {
    std::vector<double> traits(40, 0.0);
    traits[static_cast<std::size_t>(i)] = 1.0;
    const double gain = random.uniform() - 0.5;
    for (int run = 0; run < 5; ++run) {
      made.traits.push_back(traits);
      made.gains.push_back(gain);
      sessions.push_back(i);
    }
  }
  EXPECT_GT(preference_of(made.gains, made.traits, each(made)).auc, 0.9) << "seen in another run";
  EXPECT_NEAR(preference_of(made.gains, made.traits, sessions).auc, 0.5, 0.2);
}

TEST(Preference, has_the_log_odds_of_a_yes_or_no_trait) {
  // of 40 with the trait 30 are better, of 60 without 15; without a ridge the log odds differ by ln 3 + ln 3
  Sessions made;
  for (int i = 0; i < 100; ++i) {
    made.traits.push_back({i < 40 ? 1.0 : 0.0});
    made.gains.push_back(i < 30 || (i >= 40 && i < 55) ? 0.5 : -0.5);
  }
  const double deviation = std::sqrt(0.4 * 0.6);
  EXPECT_NEAR(preference_of(made.gains, made.traits, each(made)).coefficients[0],
              2.0 * std::log(3.0) * deviation, 0.08);
}

TEST(Preference, sessions_in_which_both_are_alike_say_nothing) {
  Sessions made = drawn_sessions(60, 3.0);
  const Preference before = preference_of(made.gains, made.traits, each(made));
  made.gains.insert(made.gains.begin(), 40, 0.0);
  made.traits.insert(made.traits.begin(), 40, {-100.0, 7.0});
  const Preference after = preference_of(made.gains, made.traits, each(made));
  EXPECT_EQ(after.decided, 60);
  EXPECT_EQ(after.auc, before.auc);
  EXPECT_EQ(after.coefficients, before.coefficients);
}

TEST(Preference, is_chance_where_too_few_or_one_side_alone_are_decided) {
  const Sessions few = drawn_sessions(15, 3.0);
  EXPECT_EQ(preference_of(few.gains, few.traits, each(few)).auc, 0.5);
  Sessions one_sided = drawn_sessions(60, 3.0);
  for (double& gain : one_sided.gains) {
    gain = std::abs(gain);
  }
  const Preference found = preference_of(one_sided.gains, one_sided.traits, each(one_sided));
  EXPECT_EQ(found.accuracy, 1.0);
  EXPECT_EQ(found.commoner, 1.0);
  EXPECT_EQ(found.auc, 0.5);
  EXPECT_EQ(preference_of({}, {}, {}).decided, 0);
}

}  // namespace
}  // namespace routedk::eval
