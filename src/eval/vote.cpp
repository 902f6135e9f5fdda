#include "routedk/eval/vote.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <tuple>

namespace routedk::eval {
namespace {

struct Tally {
  int votes = 0;
  double logprob = -std::numeric_limits<double>::infinity();
  const bundle::ProductAnswer* answer = nullptr;
};

}  // namespace

VoteResult majority_vote(std::span<const Ballot> ballots) {
  std::map<std::string, Tally> tallies;  // ordered by text: the first of equals is the smaller
  for (const Ballot& ballot : ballots) {
    if (ballot.answer) {
      Tally& tally = tallies[bundle::canonical_answer(*ballot.answer)];
      ++tally.votes;
      tally.logprob = std::max(tally.logprob, ballot.logprob);
      tally.answer = &*ballot.answer;
    }
  }
  const Tally* best = nullptr;
  for (const auto& [text, tally] : tallies) {
    if (best == nullptr || std::tie(tally.votes, tally.logprob) > std::tie(best->votes, best->logprob)) {
      best = &tally;
    }
  }
  if (best == nullptr) {
    return {};
  }
  return {*best->answer, static_cast<double>(best->votes) / static_cast<double>(ballots.size())};
}

}  // namespace routedk::eval
