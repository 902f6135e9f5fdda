/// How one answer is chosen among a session's N candidates. Candidates that did not parse are never chosen.
/// Candidates with the same normalised answer count as one answer.
#pragma once

#include "routedk/core/named_enum.h"
#include "routedk/eval/expected_utility.h"
#include "routedk/eval/vote.h"

#include <cstdint>
#include <optional>
#include <span>

namespace routedk::eval {

/// With every rule, ties are broken as in majority_vote: by the higher log-probability of the answer's best
/// candidate, then by the smaller canonical text. Values that differ by less than 1e-9 are equal, so that
/// rounding does not decide.
enum class SelectRule : std::uint8_t {
  /// The most frequent answer (METHOD).
  kVote,
  /// Each bundle is voted on separately: every candidate that contains it gives one vote. Bundles are taken
  /// in decreasing order of votes, skipping those that share a product with one already taken, until there
  /// are as many as the candidates' lower median number of bundles. Ties are broken as for answers, the
  /// smaller product list last. The result may be no candidate's answer.
  kBundleVote,
  /// The answer with the largest sum of its candidates' weights; a weight is exp(mean log-probability of a
  /// token) ("normalized weighted sum" of arXiv 2203.11171). Not exp of the summed log-probability: a
  /// sample's frequency already reflects that, and one short answer would outweigh all others.
  kWeightedVote,
  /// The answer with the highest mean log-probability per token among its candidates, end of turn included.
  kLogprob,
  /// Minimum Bayes risk: the answer with the highest expected F, each candidate (including itself) in turn
  /// taken as gold. F is Metric::kF1, of precision and distinct recall; an answer has F 1 with itself.
  kMbr,
  /// The answer with the highest expected utility in a pool larger than the candidates (`best_hypothesis` in
  /// expected_utility.h). The result may be no candidate's answer.
  kExpectedUtility,
  /// The answer with the highest verifier score (verifier.h) among its candidates.
  kVerifier,
};

constexpr auto enum_names(SelectRule /*of*/) {
  return std::to_array<EnumName<SelectRule>>({{SelectRule::kVote, "vote"},
                                              {SelectRule::kBundleVote, "bundle_vote"},
                                              {SelectRule::kWeightedVote, "weighted_vote"},
                                              {SelectRule::kLogprob, "logprob"},
                                              {SelectRule::kMbr, "mbr"},
                                              {SelectRule::kExpectedUtility, "expected_utility"},
                                              {SelectRule::kVerifier, "verifier"}});
}

/// The chosen answer (empty if no candidate parsed), its share of all candidates and, for kExpectedUtility,
/// its expected utility. Only kExpectedUtility uses `options`.
VoteResult select(SelectRule rule, std::span<const Ballot> ballots, const UtilityOptions& options = {});

/// F of `answer` with `gold` taken as gold, as in kMbr.
double agreement(const bundle::ProductAnswer& answer, const bundle::ProductAnswer& gold);

}  // namespace routedk::eval
