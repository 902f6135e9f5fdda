/// How one answer is chosen among a session's N candidates. Candidates that did not parse are never chosen.
/// Candidates with the same normalised answer stand for one answer.
#pragma once

#include "routedk/core/named_enum.h"
#include "routedk/eval/expected_utility.h"
#include "routedk/eval/vote.h"

#include <cstdint>
#include <optional>
#include <span>

namespace routedk::eval {

/// Whatever the rule, a tie goes as in majority_vote: to the answer whose best candidate has the higher
/// log-probability, then to the smaller canonical text. Figures are equal when they differ by less than 1e-9:
/// rounding must not decide.
enum class SelectRule : std::uint8_t {
  /// The most frequent answer (METHOD).
  kVote,
  /// Each bundle is voted for on its own: one vote of every candidate that holds it. Bundles are taken by
  /// falling votes, each unless it shares a product with one already taken, until there are as many as the
  /// candidates' lower median number of bundles. A tie of bundles goes as one of answers, the smaller product
  /// list last. The result may be no candidate's answer.
  kBundleVote,
  /// The answer whose candidates' weights sum to most; a weight is exp(mean log-probability of a token)
  /// ("normalized weighted sum" of arXiv 2203.11171). Not exp of the summed log-probability: a sample's
  /// frequency follows that already, and a single short answer would outweigh all others.
  kWeightedVote,
  /// The answer with the highest mean log-probability of a token among its candidates, end of turn included.
  kLogprob,
  /// Minimum Bayes risk: the answer whose expected F, each candidate in turn taken for gold (itself too), is
  /// highest. F is Metric::kF1: of precision and distinct recall; that of an answer with itself is 1.
  kMbr,
  /// The answer with the highest expected utility in a pool that holds more than the candidates
  /// (`best_hypothesis` in expected_utility.h). The result may be no candidate's answer.
  kExpectedUtility,
  /// The answer with the highest score of the verifier (verifier.h) among its candidates.
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

/// The chosen answer, none when no candidate parsed, the share of all candidates that give it and, under
/// kExpectedUtility alone, which alone looks at `options`, its expected utility.
VoteResult select(SelectRule rule, std::span<const Ballot> ballots, const UtilityOptions& options = {});

/// F of `answer` with `gold` taken for gold, as kMbr takes it.
double agreement(const bundle::ProductAnswer& answer, const bundle::ProductAnswer& gold);

}  // namespace routedk::eval
