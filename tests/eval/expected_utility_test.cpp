#include "routedk/eval/expected_utility.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <ctime>

#include "core/temporary_folder.h"
#include "eval/naive_expected_utility.h"
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

using bundle::ProductAnswer;
using bundle::ProductBundle;
using bundle::Utility;
using testing::kUtilities;
using testing::NaiveExpectation;
using testing::random_samples;
using testing::references_of;

TEST(ExpectedUtility, the_figure_is_the_mean_of_the_metric_with_each_sample_as_gold) {
  for (std::uint64_t trial = 0; trial < 120; ++trial) {
    const int products = 3 + static_cast<int>(trial % 8);
    NaiveExpectation naive(references_of(random_samples(trial, products, 1 + trial % 20, trial % 2 == 0)));
    for (const Utility kind : kUtilities) {
      const Hypothesis best = best_hypothesis(naive.references(), kind);
      EXPECT_NEAR(best.expected_utility, naive.of(best.answer, kind), 1e-12)
          << name_of(kind) << " of trial " << trial;
    }
  }
}

TEST(ExpectedUtility, the_choice_is_the_best_of_its_pool) {
  int unsampled = 0;
  for (std::uint64_t trial = 0; trial < 40; ++trial) {
    const int products = 3 + static_cast<int>(trial % 8);
    NaiveExpectation naive(references_of(random_samples(trial, products, 6, trial % 2 == 0)));
    for (const Utility kind : kUtilities) {
      const auto pool = naive.pool(kind);
      const Hypothesis best = best_hypothesis(naive.references(), kind);
      EXPECT_NEAR(best.expected_utility, naive.highest(pool, kind), 1e-9) << name_of(kind) << ' ' << trial;
      EXPECT_THAT(pool, ::testing::Contains(best.answer)) << name_of(kind) << ' ' << trial;
      unsampled += std::none_of(naive.references().begin(), naive.references().end(),
                                [&](const Reference& r) { return r.answer == best.answer; });
    }
  }
  EXPECT_GT(unsampled, 20) << "the pool must hold more than the samples";
}

std::vector<ProductBundle> all_bundles(int products) {
  std::vector<ProductBundle> bundles;
  for (std::uint32_t mask = 0; mask < 1U << products; ++mask) {
    ProductBundle bundle;
    for (int product = 1; product <= products; ++product) {
      if ((mask >> (product - 1) & 1U) != 0) {
        bundle.push_back(product);
      }
    }
    if (bundle.size() >= 2) {
      bundles.push_back(bundle);
    }
  }
  return bundles;
}

/// Every answer of one to eight of these.
std::vector<ProductAnswer> all_answers(const std::vector<ProductBundle>& bundles) {
  std::vector<ProductAnswer> answers;
  for (std::uint32_t set = 1; set < 1U << bundles.size(); ++set) {
    ProductAnswer answer;
    for (std::size_t b = 0; b < bundles.size(); ++b) {
      if ((set >> b & 1U) != 0) {
        answer.push_back(bundles[b]);
      }
    }
    if (answer.size() <= bundle::kMaxBundles) {
      answers.push_back(bundle::normalised(answer));
    }
  }
  return answers;
}

/// How much choices fall short of the best there is.
struct Shortfall {
  double most = 0.0;
  double sum = 0.0;
  int choices = 0;

  void add(double lost) {
    most = std::max(most, lost);
    sum += lost;
    ++choices;
  }
  double mean() const { return sum / choices; }
};

struct Shortfalls {
  Shortfall of_all;      ///< of every answer that can be written
  Shortfall of_sampled;  ///< of every answer of sampled bundles
};

Shortfalls shortfalls(int products, std::uint64_t trials) {
  Shortfalls found;
  const auto answers = all_answers(all_bundles(products));
  for (std::uint64_t trial = 0; trial < trials; ++trial) {
    NaiveExpectation naive(references_of(random_samples(trial, products, 8, trial % 2 == 0)));
    const auto sampled = all_answers(naive.bundles());
    for (const Utility kind : kUtilities) {
      const double own = best_hypothesis(naive.references(), kind).expected_utility;
      found.of_all.add(naive.highest(answers, kind) - own);
      found.of_sampled.add(naive.highest(sampled, kind) - own);
    }
  }
  std::cout << fmt::format(
      "{} products, {} choices: short of all answers by at most {:.4f}, on average {:.5f}; of answers of "
      "sampled bundles by at most {:.4f}\n",
      products, found.of_all.choices, found.of_all.most, found.of_all.mean(), found.of_sampled.most);
  return found;
}

TEST(ExpectedUtility, among_three_products_it_is_hardly_ever_short_of_the_best_answer_there_is) {
  const Shortfalls found = shortfalls(3, 200);
  EXPECT_LT(found.of_all.most, 0.05);
  EXPECT_LT(found.of_all.mean(), 0.0005);
  EXPECT_LT(found.of_sampled.most, 1e-9);
}

TEST(ExpectedUtility, among_four_products_it_is_short_of_the_best_answer_by_less_than_a_tenth) {
  const Shortfalls found = shortfalls(4, 40);
  EXPECT_LT(found.of_all.most, 0.1);
  EXPECT_LT(found.of_all.mean(), 0.005);
  EXPECT_LT(found.of_sampled.most, 0.01);
  EXPECT_LT(found.of_sampled.mean(), 0.0005);
}

TEST(ExpectedUtility, a_bundle_that_everybody_shares_is_chosen_though_nobody_said_it_alone) {
  const auto references =
      references_of({{{1, 2}, {3, 4}}, {{1, 2}, {5, 6}}, {{1, 2}, {7, 8}}, {{1, 2}, {9, 10}}});
  const Hypothesis best = best_hypothesis(references, Utility::kF1);
  EXPECT_EQ(best.answer, (ProductAnswer{{1, 2}}));
  EXPECT_NEAR(best.expected_utility, 2.0 / 3.0, 1e-12);  // precision 1, recall 1/2
}

TEST(ExpectedUtility, bundles_of_different_samples_are_united) {
  std::vector<Reference> references;
  for (const ProductAnswer& answer : std::vector<ProductAnswer>{{{1, 2}, {3, 4}, {5, 6}},
                                                                {{1, 2}, {3, 4}, {7, 8}},
                                                                {{1, 2}, {5, 6}, {7, 8}},
                                                                {{3, 4}, {5, 6}, {7, 8}}}) {
    references.push_back({answer, 0.25, -1.0});
  }
  const Hypothesis best = best_hypothesis(references, Utility::kF1);
  EXPECT_EQ(best.answer, (ProductAnswer{{1, 2}, {3, 4}, {5, 6}, {7, 8}}));
  EXPECT_NEAR(best.expected_utility, 6.0 / 7.0, 1e-12);  // precision 3/4, recall 1
}

TEST(ExpectedUtility, an_answer_has_as_many_bundles_as_can_be_written_at_most) {
  std::vector<Reference> references;
  for (int left = 1; left <= 10; ++left) {  // every sample holds 8 of 10 bundles that are good alike
    ProductAnswer answer;
    for (int other = 1; other <= 10; ++other) {
      const int second = other % 10 + 1;
      if (other != left && other != left % 10 + 1) {
        answer.push_back({std::min(other, second), std::max(other, second)});
      }
    }
    references.push_back({bundle::normalised(answer), 0.1, -1.0});
  }
  EXPECT_EQ(best_hypothesis(references, Utility::kF1).answer.size(), 8U);
}

TEST(ExpectedUtility, ties_go_to_the_likelier_sample_then_to_a_sample_then_to_the_smaller_text) {
  // {1,2}: 1 and F(1, 1/2) = 2/3; both bundles: F(1/2, 1) = 2/3 and 1.
  const ProductAnswer one = {{1, 2}};
  const ProductAnswer both = {{1, 2}, {1, 2, 3}};
  std::vector<Reference> references = {{one, 0.5, -3.0}, {both, 0.5, -2.0}};
  EXPECT_EQ(best_hypothesis(references, Utility::kF1).answer, both);
  references[0].logprob = -1.0;
  EXPECT_EQ(best_hypothesis(references, Utility::kF1).answer, one);
  references[1].logprob = -1.0;
  EXPECT_EQ(best_hypothesis(references, Utility::kF1).answer, both) << "a comma comes before a brace";
  // {1,3} is worth 2/3, and so are both bundles, F(1/2, 1), which is the smaller text and nobody's answer.
  references = {{{{1, 2}}, 1.0 / 3.0, -1.0}, {{{1, 3}}, 2.0 / 3.0, -9.0}};
  EXPECT_EQ(best_hypothesis(references, Utility::kF1).answer, (ProductAnswer{{1, 3}}));
}

TEST(ExpectedUtility, an_empty_answer_is_worth_nothing_as_in_the_metrics) {
  const std::vector<Reference> empty = {{{}, 1.0, -1.0}};
  EXPECT_EQ(best_hypothesis(empty, Utility::kMean).answer, ProductAnswer());
  EXPECT_EQ(best_hypothesis(empty, Utility::kMean).expected_utility, 0.0);
  const std::vector<Reference> mixed = {{{}, 0.75, -1.0}, {{{1, 2}}, 0.25, -2.0}};
  EXPECT_EQ(best_hypothesis(mixed, Utility::kMean).answer, (ProductAnswer{{1, 2}}));
  EXPECT_NEAR(best_hypothesis(mixed, Utility::kMean).expected_utility, 0.25, 1e-12);
}

TEST(ExpectedUtility, a_product_beyond_what_a_session_can_show_is_refused) {
  for (const int product : {0, 11, 17, 64}) {
    const std::vector<Reference> references = {{{{1, product}}, 1.0, -1.0}};
    const std::string message =
        testing::message_of<DataError>([&] { best_hypothesis(references, Utility::kF1); });
    EXPECT_THAT(message, ::testing::HasSubstr(fmt::format("from 1 to 10, but is {} instead", product)));
  }
}

TEST(ExpectedUtility, it_chooses_among_128_samples_of_10_products_in_milliseconds) {
  for (const bool alike : {true, false}) {
    for (const Utility kind : kUtilities) {
      double most = 0.0;
      double sum = 0.0;
      for (std::uint64_t trial = 0; trial < 10; ++trial) {
        const auto references = references_of(random_samples(trial, 10, 128, alike));
        const std::clock_t start = std::clock();
        EXPECT_GT(best_hypothesis(references, kind).expected_utility, 0.0);
        const double own = 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
        most = std::max(most, own);
        sum += own / 10.0;
      }
      std::cout << fmt::format("{}, samples {}: {:.1f} ms a session, at most {:.1f}\n", kind,
                               alike ? "alike" : "of any kind", sum, most);
      EXPECT_LT(sum, 1000.0);  // a hundred times what it takes
    }
  }
}

}  // namespace
}  // namespace routedk::eval
