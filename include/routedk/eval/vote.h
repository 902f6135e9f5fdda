/// Majority vote over whole candidates (METHOD of the paper: the most frequent normalised answer wins).
#pragma once

#include "routedk/bundle/answer.h"

#include <cstdint>
#include <optional>
#include <span>

namespace routedk::eval {

/// One candidate's vote; a candidate that did not parse has no answer and does not vote.
struct Ballot {
  std::optional<bundle::ProductAnswer> answer;  ///< normalised
  double logprob = 0.0;                         ///< of the candidate under the unconstrained model
  std::int64_t tokens = 1;                      ///< number of tokens in logprob, end of turn included
  double verifier = 0.0;                        ///< the verifier's score; unused without one
};

struct VoteResult {
  std::optional<bundle::ProductAnswer> answer;  ///< empty if no candidate parsed
  double share = 0.0;                           ///< votes for the winner / number of candidates
  std::optional<double> expected_utility{};     ///< if the rule computes one
};

/// Ties go to the answer whose best candidate has the higher log-probability, then to the smaller canonical
/// text.
VoteResult majority_vote(std::span<const Ballot> ballots);

}  // namespace routedk::eval
