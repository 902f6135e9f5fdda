#include "routedk/eval/selection.h"

#include "routedk/bundle/metrics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace routedk::eval {
namespace {

using bundle::ProductAnswer;
using bundle::ProductBundle;

constexpr double kLowest = -std::numeric_limits<double>::infinity();

/// The candidates with the same answer.
struct Group {
  const ProductAnswer* answer = nullptr;
  int votes = 0;
  double logprob = kLowest;  // this and the next two: of the best candidate
  double mean_logprob = kLowest;
  double verifier = kLowest;
  double weight = 0.0;  // summed
};
using Groups = std::map<std::string, Group>;  // ordered by text: the first of equals is the smaller

Groups group(std::span<const Ballot> ballots) {
  Groups groups;
  for (const Ballot& ballot : ballots) {
    if (ballot.answer) {
      const double mean = ballot.logprob / static_cast<double>(std::max<std::int64_t>(ballot.tokens, 1));
      Group& own = groups[bundle::canonical_answer(*ballot.answer)];
      own.answer = &*ballot.answer;
      ++own.votes;
      own.logprob = std::max(own.logprob, ballot.logprob);
      own.mean_logprob = std::max(own.mean_logprob, mean);
      own.verifier = std::max(own.verifier, ballot.verifier);
      own.weight += std::exp(mean);
    }
  }
  return groups;
}

/// Whether (figure, logprob) is greater than the other pair by more than the tolerance.
bool beats(double figure, double logprob, double other_figure, double other_logprob) {
  return figure > other_figure + 1e-9 || (figure > other_figure - 1e-9 && logprob > other_logprob);
}

/// The group with the highest value of `figure`.
const Group* best(const Groups& groups, const std::function<double(const Group&)>& figure) {
  const Group* found = nullptr;
  double highest = kLowest;
  for (const auto& [text, candidate] : groups) {
    const double own = figure(candidate);
    if (found == nullptr || beats(own, candidate.logprob, highest, found->logprob)) {
      found = &candidate;
      highest = own;
    }
  }
  return found;
}

double expected_agreement(const ProductAnswer& answer, const Groups& groups) {
  double sum = 0.0;
  for (const auto& [text, gold] : groups) {
    sum += gold.votes * agreement(answer, *gold.answer);
  }
  return sum;
}

/// For the rules that choose whole answers.
const Group* winner(SelectRule rule, const Groups& groups) {
  switch (rule) {
    case SelectRule::kWeightedVote:
      return best(groups, [](const Group& g) { return g.weight; });
    case SelectRule::kLogprob:
      return best(groups, [](const Group& g) { return g.mean_logprob; });
    case SelectRule::kMbr:
      return best(groups, [&](const Group& g) { return expected_agreement(*g.answer, groups); });
    case SelectRule::kVote:
    case SelectRule::kBundleVote:
    case SelectRule::kExpectedUtility:
    case SelectRule::kVerifier:
      break;
  }
  return best(groups, [](const Group& g) { return g.verifier; });
}

/// The distinct answers, with probabilities by `expectation`.
std::vector<Reference> references_of(const Groups& groups, Expectation expectation) {
  double likeliest = kLowest;
  for (const auto& [text, own] : groups) {
    likeliest = std::max(likeliest, own.logprob);
  }
  std::vector<Reference> references;
  double sum = 0.0;
  for (const auto& [text, own] : groups) {
    const double weight =
        expectation == Expectation::kModelBased ? std::exp(own.logprob - likeliest) : own.votes;
    references.push_back({*own.answer, weight, own.logprob});
    sum += weight;
  }
  for (Reference& reference : references) {
    reference.weight /= sum;
  }
  return references;
}

struct BundleTally {
  ProductBundle products;
  int votes = 0;
  double logprob = kLowest;
};

/// Bundles by decreasing votes, then decreasing log-probability, then ascending products.
std::vector<BundleTally> bundles_by_votes(const Groups& groups) {
  std::map<ProductBundle, BundleTally> tallies;
  for (const auto& [text, from] : groups) {
    for (const ProductBundle& products : *from.answer) {
      BundleTally& tally = tallies[products];
      tally.products = products;
      tally.votes += from.votes;
      tally.logprob = std::max(tally.logprob, from.logprob);
    }
  }
  std::vector<BundleTally> sorted;
  sorted.reserve(tallies.size());
  for (auto& [products, tally] : tallies) {
    sorted.push_back(std::move(tally));
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const BundleTally& a, const BundleTally& b) {
    return std::tie(a.votes, a.logprob) > std::tie(b.votes, b.logprob);
  });
  return sorted;
}

std::size_t median_bundles(std::span<const Ballot> ballots) {
  std::vector<std::size_t> counts;
  for (const Ballot& ballot : ballots) {
    if (ballot.answer) {
      counts.push_back(ballot.answer->size());
    }
  }
  const auto middle = counts.begin() + static_cast<std::ptrdiff_t>((counts.size() - 1) / 2);
  std::nth_element(counts.begin(), middle, counts.end());
  return *middle;
}

ProductAnswer assemble(const Groups& groups, std::size_t count) {
  ProductAnswer answer;
  std::set<int> taken;
  for (const BundleTally& tally : bundles_by_votes(groups)) {
    const bool free = std::none_of(tally.products.begin(), tally.products.end(),
                                   [&](int product) { return taken.contains(product); });
    if (answer.size() < count && free) {
      answer.push_back(tally.products);
      taken.insert(tally.products.begin(), tally.products.end());
    }
  }
  return bundle::normalised(answer);
}

/// A session with this gold, with product numbers as items.
bundle::Session with_gold(const ProductAnswer& gold) {
  bundle::Session session;
  for (const ProductBundle& products : gold) {
    session.gold.push_back({bundle::Bundle(products.begin(), products.end()), ""});
  }
  return session;
}

}  // namespace

double agreement(const ProductAnswer& answer, const ProductAnswer& gold) {
  if (answer == gold) {
    return 1.0;
  }
  bundle::Answer items;
  for (const ProductBundle& products : answer) {
    items.emplace_back(products.begin(), products.end());
  }
  return bundle::score_session(with_gold(gold), items).numerator[bundle::Metric::kF1];
}

VoteResult select(SelectRule rule, std::span<const Ballot> ballots, const UtilityOptions& options) {
  const Groups groups = group(ballots);
  if (rule == SelectRule::kVote || groups.empty()) {
    return majority_vote(ballots);
  }
  VoteResult result;
  if (rule == SelectRule::kBundleVote) {
    result.answer = assemble(groups, median_bundles(ballots));
  } else if (rule == SelectRule::kExpectedUtility) {
    const Hypothesis best = best_hypothesis(references_of(groups, options.expectation), options.utility);
    result.answer = best.answer;
    result.expected_utility = best.expected_utility;
  } else {
    result.answer = *winner(rule, groups)->answer;
  }
  const auto own = groups.find(bundle::canonical_answer(*result.answer));
  const int votes = own == groups.end() ? 0 : own->second.votes;
  result.share = static_cast<double>(votes) / static_cast<double>(ballots.size());
  return result;
}

}  // namespace routedk::eval
