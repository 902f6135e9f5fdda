#include "routedk/eval/selection.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "eval/naive_expected_utility.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

using bundle::canonical_answer;
using bundle::ProductAnswer;
using bundle::ProductBundle;

const std::vector<SelectRule> kRules = {
    SelectRule::kVote, SelectRule::kBundleVote,      SelectRule::kWeightedVote, SelectRule::kLogprob,
    SelectRule::kMbr,  SelectRule::kExpectedUtility, SelectRule::kVerifier};
/// Those that choose one of the candidates.
const std::vector<SelectRule> kCandidateRules = {SelectRule::kVote, SelectRule::kWeightedVote,
                                                 SelectRule::kLogprob, SelectRule::kMbr,
                                                 SelectRule::kVerifier};

/// F of precision and distinct recall, by its words.
double naive_f(const ProductAnswer& answer, const ProductAnswer& gold) {
  if (answer == gold) {
    return 1.0;
  }
  std::set<std::size_t> found;
  double hits = 0.0;
  for (const ProductBundle& p : answer) {
    for (std::size_t g = 0; g < gold.size(); ++g) {
      if (std::includes(gold[g].begin(), gold[g].end(), p.begin(), p.end())) {
        ++hits;
        found.insert(g);
        break;
      }
    }
  }
  if (hits == 0.0) {
    return 0.0;
  }
  const double precision = hits / static_cast<double>(answer.size());
  const double recall = static_cast<double>(found.size()) / static_cast<double>(gold.size());
  return 2.0 / (1.0 / precision + 1.0 / recall);
}

using Figure = std::function<double(const Ballot&)>;

double best_logprob(const std::vector<Ballot>& ballots, const ProductAnswer& answer) {
  double best = -1e300;
  for (const Ballot& ballot : ballots) {
    best = ballot.answer == answer ? std::max(best, ballot.logprob) : best;
  }
  return best;
}

/// The candidate whose answer has the highest figure, by trying every pair.
std::optional<ProductAnswer> naive_best(const std::vector<Ballot>& ballots, const Figure& figure) {
  std::optional<ProductAnswer> best;
  double highest = 0.0;
  for (const Ballot& ballot : ballots) {
    if (!ballot.answer) {
      continue;
    }
    const double own = figure(ballot);
    bool better = !best || own > highest + 1e-9;
    if (best && std::abs(own - highest) < 1e-9) {
      const double mine = best_logprob(ballots, *ballot.answer);
      const double other = best_logprob(ballots, *best);
      better = mine > other || (mine == other && canonical_answer(*ballot.answer) < canonical_answer(*best));
    }
    if (better) {
      best = ballot.answer;
      highest = own;
    }
  }
  return best;
}

/// The figure of a ballot's answer: `combine` over all ballots with that answer.
double over_equals(const std::vector<Ballot>& ballots, const Ballot& of, bool add, const Figure& figure) {
  double sum = 0.0;
  double most = -1e300;
  for (const Ballot& ballot : ballots) {
    if (ballot.answer == of.answer) {
      sum += figure(ballot);
      most = std::max(most, figure(ballot));
    }
  }
  return add ? sum : most;
}

double mean_logprob(const Ballot& ballot) {
  return ballot.logprob / static_cast<double>(ballot.tokens);
}

std::optional<ProductAnswer> naive_select(SelectRule rule, const std::vector<Ballot>& all) {
  switch (rule) {
    case SelectRule::kWeightedVote:
      return naive_best(all, [&](const Ballot& b) {
        return over_equals(all, b, true, [](const Ballot& c) { return std::exp(mean_logprob(c)); });
      });
    case SelectRule::kLogprob:
      return naive_best(all, [&](const Ballot& b) { return over_equals(all, b, false, mean_logprob); });
    case SelectRule::kVerifier:
      return naive_best(all, [&](const Ballot& b) {
        return over_equals(all, b, false, [](const Ballot& c) { return c.verifier; });
      });
    case SelectRule::kMbr:
      return naive_best(all, [&](const Ballot& b) {
        double sum = 0.0;
        for (const Ballot& gold : all) {
          sum += gold.answer ? naive_f(*b.answer, *gold.answer) : 0.0;
        }
        return sum;
      });
    default:
      return naive_best(
          all, [&](const Ballot& b) { return over_equals(all, b, true, [](const Ballot&) { return 1.0; }); });
  }
}

/// Few products, log-probabilities and scores, so that answers repeat and figures tie.
std::vector<Ballot> random_ballots(std::uint64_t trial) {
  Random random(11, "ballots", {trial});
  std::vector<Ballot> ballots(1 + random.below(9));
  for (Ballot& ballot : ballots) {
    ballot.logprob = -1.0 - static_cast<double>(random.below(3));
    ballot.tokens = 2 + static_cast<std::int64_t>(random.below(3));
    ballot.verifier = static_cast<double>(random.below(3));
    if (random.below(8) > 0) {
      ProductAnswer answer;
      for (std::uint64_t b = random.below(3) + (random.below(9) > 0 ? 1 : 0); b > 0; --b) {
        const int first = 1 + static_cast<int>(random.below(3));
        answer.push_back({first, first + 1 + static_cast<int>(random.below(2))});
        if (random.below(3) == 0) {
          answer.back().push_back(6);
        }
      }
      ballot.answer = bundle::normalised(answer);
    }
  }
  return ballots;
}

double share_of(const std::vector<Ballot>& ballots, const std::optional<ProductAnswer>& answer) {
  const auto alike = std::count_if(ballots.begin(), ballots.end(),
                                   [&](const Ballot& b) { return b.answer && b.answer == answer; });
  return static_cast<double>(alike) / static_cast<double>(ballots.size());
}

/// Of the parsed candidates, by the words of Expectation.
std::vector<Reference> naive_references(const std::vector<Ballot>& ballots, Expectation expectation) {
  std::map<ProductAnswer, std::pair<int, double>> counts;
  for (const Ballot& ballot : ballots) {
    if (ballot.answer) {
      ++counts[*ballot.answer].first;
      counts[*ballot.answer].second = best_logprob(ballots, *ballot.answer);
    }
  }
  const auto weight = [&](const std::pair<int, double>& own) {
    return expectation == Expectation::kMonteCarlo ? own.first : std::exp(own.second);
  };
  double sum = 0.0;
  for (const auto& [answer, own] : counts) {
    sum += weight(own);
  }
  std::vector<Reference> references;
  for (const auto& [answer, own] : counts) {
    references.push_back({answer, weight(own) / sum, own.second});
  }
  return references;
}

TEST(Selection, expected_utility_is_highest_in_its_pool_under_counts_or_probabilities_of_parsed_candidates) {
  int differ = 0;
  for (std::uint64_t trial = 0; trial < 100; ++trial) {
    const std::vector<Ballot> ballots = random_ballots(trial);
    std::set<std::optional<ProductAnswer>> chosen;
    for (const Expectation expectation : {Expectation::kMonteCarlo, Expectation::kModelBased}) {
      testing::NaiveExpectation naive(naive_references(ballots, expectation));
      for (const bundle::Utility utility : testing::kUtilities) {
        const VoteResult result = select(SelectRule::kExpectedUtility, ballots, {utility, expectation});
        ASSERT_EQ(result.answer.has_value(), !naive.references().empty());
        ASSERT_EQ(result.expected_utility.has_value(), !naive.references().empty());
        if (result.answer) {
          const double highest = naive.highest(naive.pool(utility), utility);
          EXPECT_NEAR(*result.expected_utility, highest, 1e-9) << trial;
          EXPECT_NEAR(naive.of(*result.answer, utility), highest, 2e-9) << trial;
          EXPECT_DOUBLE_EQ(result.share, share_of(ballots, result.answer));
        }
        chosen.insert(result.answer);
      }
    }
    differ += chosen.size() > 1 ? 1 : 0;
  }
  EXPECT_GT(differ, 10) << "utility and expectation must matter";
}

TEST(Selection, a_model_based_expectation_takes_one_answer_for_likelier_than_many_equal_others) {
  const std::vector<Ballot> ballots = {
      {ProductAnswer{{1, 2}}, -9.0, 2}, {ProductAnswer{{1, 2}}, -9.0, 2}, {ProductAnswer{{3, 4}}, -1.0, 2}};
  const auto by = [&](Expectation expectation) {
    return select(SelectRule::kExpectedUtility, ballots, {bundle::Utility::kJaccardF1, expectation}).answer;
  };
  EXPECT_THAT(*by(Expectation::kMonteCarlo), ::testing::Contains(ProductBundle{1, 2}));
  EXPECT_EQ(by(Expectation::kModelBased), (ProductAnswer{{3, 4}}));
}

TEST(Selection, every_rule_of_whole_answers_is_its_definition_on_random_candidates) {
  int decided = 0;
  for (std::uint64_t trial = 0; trial < 2000; ++trial) {
    const std::vector<Ballot> ballots = random_ballots(trial);
    for (const SelectRule rule : kCandidateRules) {
      const VoteResult result = select(rule, ballots);
      const auto expected = naive_select(rule, ballots);
      ASSERT_EQ(result.answer, expected) << name_of(rule) << " of trial " << trial;
      EXPECT_DOUBLE_EQ(result.share, share_of(ballots, result.answer));
      EXPECT_FALSE(result.expected_utility);
      decided += result.answer != majority_vote(ballots).answer ? 1 : 0;
    }
  }
  EXPECT_GT(decided, 500) << "the rules must differ somewhere";
}

TEST(Selection, the_order_of_the_candidates_does_not_matter) {
  for (std::uint64_t trial = 0; trial < 300; ++trial) {
    std::vector<Ballot> ballots = random_ballots(trial);
    std::vector<Ballot> shuffled = ballots;
    shuffle(shuffled, Random(5, "order", {trial}));
    for (const SelectRule rule : kRules) {
      EXPECT_EQ(select(rule, ballots).answer, select(rule, shuffled).answer) << name_of(rule) << ' ' << trial;
    }
  }
}

TEST(Selection, bundles_are_voted_for_each_and_assembled_without_a_shared_product) {
  const std::vector<Ballot> ballots = {{ProductAnswer{{1, 2}, {3, 4}}, -4.0, 2},
                                       {ProductAnswer{{1, 2}, {5, 6}}, -3.0, 2},
                                       {ProductAnswer{{2, 3}, {5, 6}}, -2.0, 2},
                                       {ProductAnswer{{1, 2}}, -1.0, 2},
                                       {std::nullopt, 0.0, 2}};
  // {1,2} has three votes, {5,6} two; {3,4} and {2,3} one. Two bundles is the median of 1, 2, 2, 2.
  const VoteResult result = select(SelectRule::kBundleVote, ballots);
  EXPECT_EQ(result.answer, (ProductAnswer{{1, 2}, {5, 6}}));
  EXPECT_DOUBLE_EQ(result.share, 0.2);
}

TEST(Selection, bundles_with_as_many_votes_go_by_log_probability_then_by_their_products) {
  const std::vector<Ballot> by_logprob = {{ProductAnswer{{1, 2}}, -4.0, 2}, {ProductAnswer{{2, 3}}, -3.0, 2}};
  EXPECT_EQ(select(SelectRule::kBundleVote, by_logprob).answer, (ProductAnswer{{2, 3}}));
  const std::vector<Ballot> alike = {{ProductAnswer{{2, 3}}, -4.0, 2}, {ProductAnswer{{1, 2}}, -4.0, 2}};
  EXPECT_EQ(select(SelectRule::kBundleVote, alike).answer, (ProductAnswer{{1, 2}}));
}

TEST(Selection, an_answer_assembled_from_bundles_may_be_no_candidate_s) {
  const std::vector<Ballot> ballots = {{ProductAnswer{{1, 2}, {3, 4}}, -1.0, 2},
                                       {ProductAnswer{{1, 2}, {4, 5}}, -2.0, 2},
                                       {ProductAnswer{{3, 5}, {6, 7}}, -3.0, 2},
                                       {ProductAnswer{{1, 3}, {6, 7}}, -4.0, 2}};
  const VoteResult result = select(SelectRule::kBundleVote, ballots);
  EXPECT_EQ(result.answer, (ProductAnswer{{1, 2}, {6, 7}}));
  EXPECT_EQ(result.share, 0.0);
}

TEST(Selection, a_set_of_bundles_never_shares_products_and_is_as_large_as_the_median_at_most) {
  for (std::uint64_t trial = 0; trial < 500; ++trial) {
    const std::vector<Ballot> ballots = random_ballots(trial);
    const VoteResult result = select(SelectRule::kBundleVote, ballots);
    std::vector<std::size_t> sizes;
    for (const Ballot& ballot : ballots) {
      if (ballot.answer) {
        sizes.push_back(ballot.answer->size());
      }
    }
    ASSERT_EQ(result.answer.has_value(), !sizes.empty());
    if (result.answer) {
      std::sort(sizes.begin(), sizes.end());
      EXPECT_LE(result.answer->size(), sizes[(sizes.size() - 1) / 2]);
      std::set<int> products;
      std::size_t count = 0;
      for (const ProductBundle& own : *result.answer) {
        products.insert(own.begin(), own.end());
        count += own.size();
      }
      EXPECT_EQ(products.size(), count) << trial;
    }
  }
}

TEST(Selection, the_least_risk_is_the_answer_most_others_agree_with_in_part_not_the_mode) {
  const std::vector<Ballot> ballots = {{ProductAnswer{{1, 2, 3, 4, 5}}, -1.0, 2},
                                       {ProductAnswer{{1, 2, 3, 4, 5}}, -1.0, 2},
                                       {ProductAnswer{{1, 2}, {3, 4}}, -5.0, 2},
                                       {ProductAnswer{{1, 2, 3}}, -5.0, 2},
                                       {ProductAnswer{{1, 2}}, -5.0, 2}};
  EXPECT_EQ(select(SelectRule::kVote, ballots).answer, (ProductAnswer{{1, 2, 3, 4, 5}}));
  EXPECT_EQ(select(SelectRule::kMbr, ballots).answer, (ProductAnswer{{1, 2}}));
}

TEST(Selection, a_weight_is_a_token_s_so_that_length_alone_decides_nothing) {
  const std::vector<Ballot> ballots = {{ProductAnswer{{1, 2}}, -2.0, 2},          // e^-1
                                       {ProductAnswer{{1, 2}, {3, 4}}, -3.0, 6},  // e^-0.5
                                       {ProductAnswer{{1, 3}}, -30.0, 2},
                                       {ProductAnswer{{1, 3}}, -30.0, 2}};
  EXPECT_EQ(select(SelectRule::kWeightedVote, ballots).answer, (ProductAnswer{{1, 2}, {3, 4}}));
  EXPECT_EQ(select(SelectRule::kVote, ballots).answer, (ProductAnswer{{1, 3}}));
}

TEST(Selection, candidates_that_did_not_parse_are_never_chosen) {
  const std::vector<Ballot> some = {{std::nullopt, -0.1, 1, 99.0}, {ProductAnswer{{1, 2}}, -50.0, 1, -99.0}};
  const std::vector<Ballot> none = {{std::nullopt, -0.1, 1}, {std::nullopt, -0.1, 1}};
  for (const SelectRule rule : kRules) {
    EXPECT_EQ(select(rule, some).answer, (ProductAnswer{{1, 2}})) << name_of(rule);
    EXPECT_FALSE(select(rule, none).answer) << name_of(rule);
    EXPECT_FALSE(select(rule, {}).answer) << name_of(rule);
  }
}

TEST(Selection, rules_have_names_and_another_name_has_no_rule) {
  for (const SelectRule rule : kRules) {
    EXPECT_EQ(find_enum<SelectRule>(name_of(rule)), rule);
  }
  EXPECT_EQ(find_enum<SelectRule>("best"), std::nullopt);
  EXPECT_EQ(enum_list<SelectRule>(),
            "vote, bundle_vote, weighted_vote, logprob, mbr, expected_utility, verifier");
}

}  // namespace
}  // namespace routedk::eval
