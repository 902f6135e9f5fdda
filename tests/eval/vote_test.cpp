#include "routedk/eval/vote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

using bundle::ProductAnswer;

const ProductAnswer kA = {{1, 2}};
const ProductAnswer kB = {{1, 3}};

TEST(Vote, the_most_frequent_answer_wins_whatever_its_probability) {
  const std::vector<Ballot> ballots = {{kA, -9.0}, {kB, -1.0}, {kA, -9.0}};
  const VoteResult result = majority_vote(ballots);
  EXPECT_EQ(result.answer, kA);
  EXPECT_DOUBLE_EQ(result.share, 2.0 / 3.0);
}

TEST(Vote, a_tie_goes_to_the_higher_log_probability) {
  const std::vector<Ballot> ballots = {{kA, -5.0}, {kB, -3.0}};
  EXPECT_EQ(majority_vote(ballots).answer, kB);
}

TEST(Vote, a_full_tie_goes_to_the_smaller_text) {
  const std::vector<Ballot> ballots = {{kB, -3.0}, {kA, -3.0}};
  EXPECT_EQ(majority_vote(ballots).answer, kA);
}

TEST(Vote, unparsable_candidates_do_not_vote_but_count_in_the_share) {
  const std::vector<Ballot> ballots = {{std::nullopt, -0.1}, {std::nullopt, -0.1}, {kB, -8.0}};
  const VoteResult result = majority_vote(ballots);
  EXPECT_EQ(result.answer, kB);
  EXPECT_DOUBLE_EQ(result.share, 1.0 / 3.0);
}

TEST(Vote, without_a_parsed_candidate_there_is_no_answer) {
  const std::vector<Ballot> ballots = {{std::nullopt, 0.0}};
  EXPECT_FALSE(majority_vote(ballots).answer.has_value());
}

}  // namespace
}  // namespace routedk::eval
