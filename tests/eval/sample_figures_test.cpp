#include "routedk/eval/sample_figures.h"

#include "routedk/core/random.h"

#include <algorithm>
#include <set>

#include "eval/four_items.h"
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

using bundle::Answer;
using bundle::Metric;
using bundle::Prediction;
using bundle::Session;
using testing::session;

const bundle::BootstrapOptions kFewDraws{1, 20};

SessionAnswer answer(std::vector<Prediction> candidates) {
  SessionAnswer made;
  made.candidates = std::move(candidates);
  return made;
}

const Prediction kUnparsed;
const Prediction kGold = Answer{{1, 2}, {3, 4}};
const Prediction kHalf = Answer{{1, 2}};
const Prediction kWrong = Answer{{1, 3}};

TEST(SampleFigures, overlap_is_the_mean_over_pairs_then_over_sessions) {
  const std::vector<Session> sessions = {session(1), session(2), session(3)};
  const std::vector<SessionAnswer> answers = {
      answer({kGold, kHalf, kGold}),       // pairs: half 1/2, equal, half 1/2
      answer({kWrong, kUnparsed, kHalf}),  // no pair alike
      answer({})};
  const Overlap overlap = sample_figures(sessions, answers, 3, kFewDraws).overlap.value();
  EXPECT_DOUBLE_EQ(overlap.equality, (1.0 / 3.0 + 0.0) / 2.0);
  EXPECT_DOUBLE_EQ(overlap.jaccard, (2.0 / 3.0 + 0.0) / 2.0);
  EXPECT_DOUBLE_EQ(sample_figures(sessions, answers, 2, kFewDraws).overlap.value().jaccard, 0.25);
}

TEST(SampleFigures, one_candidate_a_session_has_no_overlap) {
  const std::vector<Session> sessions = {session(1), session(2)};
  const std::vector<SessionAnswer> answers = {answer({kGold, kHalf}), answer({kGold, kGold})};
  EXPECT_FALSE(sample_figures(sessions, answers, 1, kFewDraws).overlap.has_value());
}

TEST(SampleFigures, the_oracle_is_the_best_of_the_first_candidates) {
  const std::vector<Session> sessions = {session(1), session(2)};
  const std::vector<SessionAnswer> answers = {answer({kWrong, kHalf, kGold}),
                                              answer({kUnparsed, kWrong, kWrong})};
  const auto f1 = [&](std::int64_t samples) {
    return sample_figures(sessions, answers, samples, kFewDraws).oracle.values[Metric::kF1];
  };
  EXPECT_DOUBLE_EQ(f1(1), 0.0);
  EXPECT_DOUBLE_EQ(f1(2), (2.0 / 3.0) / 2.0);
  EXPECT_DOUBLE_EQ(f1(3), 0.5);
  EXPECT_DOUBLE_EQ(sample_figures(sessions, answers, 3, kFewDraws).oracle.values[Metric::kParseRate], 1.0);
}

TEST(SampleFigures, no_candidate_beats_the_oracle) {
  Random random(2, "candidates");
  std::vector<Session> sessions;
  std::vector<SessionAnswer> answers;
  const std::vector<Prediction> pool = {kUnparsed, kGold, kHalf, kWrong, Answer{{1, 2, 3, 4}}, Answer{}};
  for (int s = 0; s < 100; ++s) {
    sessions.push_back(session(s));
    answers.push_back(answer({}));
    for (int i = 0; i < 4; ++i) {
      answers.back().candidates.push_back(pool[random.below(pool.size())]);
    }
  }
  double best = 0.0;
  for (std::size_t s = 0; s < sessions.size(); ++s) {
    double own = 0.0;
    for (const Prediction& candidate : answers[s].candidates) {
      own = std::max(own, bundle::score_session(sessions[s], candidate).numerator[Metric::kF1]);
    }
    best += own / static_cast<double>(sessions.size());
  }
  EXPECT_NEAR(sample_figures(sessions, answers, 4, kFewDraws).oracle.values[Metric::kF1], best, 1e-12);
}

TEST(SampleFigures, a_session_without_candidates_counts_with_the_empty_answer_in_the_oracle_alone) {
  const std::vector<Session> sessions = {session(1), session(2)};
  const std::vector<SessionAnswer> answers = {answer({}), answer({kGold, kUnparsed})};
  const SampleFigures figures = sample_figures(sessions, answers, 2, kFewDraws);
  EXPECT_DOUBLE_EQ(figures.oracle.values[Metric::kParseRate], 1.0);
  EXPECT_DOUBLE_EQ(figures.oracle.values[Metric::kF1], 0.5);
  EXPECT_DOUBLE_EQ(figures.parsed, 0.5);
}

}  // namespace
}  // namespace routedk::eval
