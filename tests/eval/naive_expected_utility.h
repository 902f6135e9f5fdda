/// Expected utility by its words: every hypothesis scored against every reference as a session is.
#pragma once

#include "routedk/bundle/utility.h"
#include "routedk/core/random.h"
#include "routedk/eval/expected_utility.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace routedk::testing {

using bundle::ProductAnswer;
using bundle::ProductBundle;

inline constexpr std::array kUtilities = {bundle::Utility::kF1, bundle::Utility::kJaccardF1,
                                          bundle::Utility::kMean};

/// Every answer is scored against every reference once, for all utilities.
class NaiveExpectation {
 public:
  explicit NaiveExpectation(std::vector<eval::Reference> references) : references_(std::move(references)) {
    std::set<ProductBundle> distinct;
    for (const eval::Reference& reference : references_) {
      distinct.insert(reference.answer.begin(), reference.answer.end());
    }
    bundles_.assign(distinct.begin(), distinct.end());
  }

  const std::vector<eval::Reference>& references() const { return references_; }
  /// The distinct ones of the references, ascending.
  const std::vector<ProductBundle>& bundles() const { return bundles_; }

  double of(const ProductAnswer& answer, bundle::Utility kind) {
    auto [known, fresh] = known_.try_emplace(answer);
    if (fresh) {
      for (const eval::Reference& reference : references_) {
        const bundle::SessionScore score = scored(answer, reference.answer);
        for (std::size_t u = 0; u < kUtilities.size(); ++u) {
          known->second[u] += reference.weight * bundle::utility(kUtilities[u], score);
        }
      }
    }
    return known->second[static_cast<std::size_t>(kind)];
  }

  /// Grown by the bundle that helps most, while one does.
  ProductAnswer grown(ProductAnswer answer, bundle::Utility kind) {
    while (answer.size() < bundle::kMaxBundles) {
      double highest = of(answer, kind);
      ProductAnswer best;
      for (const ProductBundle& bundle : bundles_) {
        ProductAnswer larger = answer;
        larger.push_back(bundle);
        larger = bundle::normalised(larger);
        if (of(larger, kind) > highest + 1e-9) {
          highest = of(larger, kind);
          best = larger;
        }
      }
      if (best.empty()) {
        break;
      }
      answer = best;
    }
    return answer;
  }

  /// The whole pool of `best_hypothesis`.
  std::vector<ProductAnswer> pool(bundle::Utility kind) {
    std::vector<ProductAnswer> pool;
    for (const eval::Reference& reference : references_) {
      pool.push_back(reference.answer);
      pool.push_back(grown(reference.answer, kind));
    }
    ProductAnswer best_pair;
    double highest = -1.0;
    for (std::size_t b = 0; b < bundles_.size(); ++b) {
      pool.push_back({bundles_[b]});
      for (std::size_t c = b + 1; c < bundles_.size(); ++c) {
        pool.push_back({bundles_[b], bundles_[c]});
        const double value = of(pool.back(), kind);
        best_pair = value > highest + 1e-9 ? pool.back() : best_pair;
        highest = std::max(highest, value);
      }
    }
    if (!best_pair.empty()) {
      pool.push_back(grown(best_pair, kind));
    }
    return pool;
  }

  double highest(const std::vector<ProductAnswer>& answers, bundle::Utility kind) {
    double highest = 0.0;
    for (const ProductAnswer& answer : answers) {
      highest = std::max(highest, of(answer, kind));
    }
    return highest;
  }

 private:
  static bundle::SessionScore scored(const ProductAnswer& answer, const ProductAnswer& gold) {
    bundle::Session session;
    for (const ProductBundle& products : gold) {
      session.gold.push_back({bundle::Bundle(products.begin(), products.end()), ""});
    }
    bundle::Answer items;
    for (const ProductBundle& products : answer) {
      items.emplace_back(products.begin(), products.end());
    }
    return bundle::score_session(session, items);
  }

  std::vector<eval::Reference> references_;
  std::vector<ProductBundle> bundles_;
  std::map<ProductAnswer, std::array<double, kUtilities.size()>> known_;
};

/// Bundles of 2 products mostly, of up to `products`.
inline ProductBundle random_bundle(Random& random, int products) {
  std::vector<int> all;
  for (int product = 1; product <= products; ++product) {
    all.push_back(product);
  }
  shuffle(all, Random(random()));
  std::size_t size = 2;
  while (size < all.size() && random.below(3) == 0) {
    ++size;
  }
  all.resize(size);
  return all;
}

/// N samples. Where `alike`, they are noisy parts of one answer, as a trained model's are; otherwise
/// anything.
inline std::vector<ProductAnswer> random_samples(std::uint64_t trial, int products, std::size_t count,
                                                 bool alike) {
  Random random(3, "samples", {trial, static_cast<std::uint64_t>(products), alike ? 1ULL : 0ULL});
  ProductAnswer gold(2 + random.below(3));
  for (ProductBundle& bundle : gold) {
    bundle = random_bundle(random, products);
  }
  std::vector<ProductAnswer> samples(count);
  for (ProductAnswer& sample : samples) {
    for (const ProductBundle& bundle : gold) {
      if (alike && random.below(2) == 0) {
        sample.push_back(random.below(5) < 3 ? bundle : random_bundle(random, products));
      }
    }
    while (sample.empty() || random.below(3) == 0) {
      sample.push_back(random_bundle(random, products));
    }
    sample = bundle::normalised(sample);
  }
  return samples;
}

/// Weighted by counts.
inline std::vector<eval::Reference> references_of(const std::vector<ProductAnswer>& samples) {
  std::map<ProductAnswer, double> counts;
  for (const ProductAnswer& sample : samples) {
    counts[sample] += 1.0;
  }
  std::vector<eval::Reference> references;
  for (const auto& [answer, count] : counts) {
    references.push_back({answer, count / static_cast<double>(samples.size()), -count});
  }
  return references;
}

}  // namespace routedk::testing
