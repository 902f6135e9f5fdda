/// Minimum Bayes risk decoding with more hypotheses than samples: the answer with the highest expected
/// utility, with each sampled answer in turn taken as gold (Kumar & Byrne 2004; hypotheses separate from
/// samples: Eikema & Aziz, arXiv 2108.04718).
#pragma once

#include "routedk/bundle/answer.h"
#include "routedk/bundle/utility.h"
#include "routedk/core/named_enum.h"

#include <cstdint>
#include <span>

namespace routedk::eval {

/// The probability that each distinct sampled answer is gold. Candidates that did not parse do not count.
enum class Expectation : std::uint8_t {
  kMonteCarlo,  ///< its share of the samples
  /// Its probability under the unconstrained model at temperature 1, divided by the sum over the distinct
  /// sampled answers (arXiv 2311.05263). Among candidates with the same answer, the most likely counts.
  kModelBased,
};

constexpr auto enum_names(Expectation /*of*/) {
  return std::to_array<EnumName<Expectation>>(
      {{Expectation::kMonteCarlo, "monte_carlo"}, {Expectation::kModelBased, "model_based"}});
}

struct UtilityOptions {
  bundle::Utility utility = bundle::Utility::kF1;
  Expectation expectation = Expectation::kMonteCarlo;
  bool operator==(const UtilityOptions&) const = default;
};

/// A distinct sampled answer, taken as gold, with its bundles in canonical order.
struct Reference {
  bundle::ProductAnswer answer;  ///< normalised
  double weight = 0.0;           ///< probability of being gold; all weights sum to 1
  double logprob = 0.0;          ///< of its best candidate; breaks ties
};

struct Hypothesis {
  bundle::ProductAnswer answer;  ///< normalised
  double expected_utility = 0.0;
};

/// The best of this pool: every reference, each of their bundles alone, every pair of these bundles, and
/// greedy unions: every reference and the best pair, extended by the bundle that raises the expected utility
/// most as long as one does, up to kMaxBundles. docs/evaluation.md states how far this may be from the best
/// of all answers.
///
/// Utilities are equal if they differ by less than 1e-9. Ties go to the reference with the higher
/// log-probability, to a reference over an answer that was not sampled, then to the smaller canonical text;
/// among equal bundles to add, to the first in canonical order.
///
/// DataError names a product number outside 1..kMaxProducts. `references` must not be empty.
Hypothesis best_hypothesis(std::span<const Reference> references, bundle::Utility utility);

}  // namespace routedk::eval
