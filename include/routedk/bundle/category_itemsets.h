/// Frequent itemsets of categories as a predictor: which kinds of items training bundles combine.
#pragma once

#include "routedk/bundle/metrics.h"
#include "routedk/bundle/session.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace routedk::bundle {

struct ItemsetOptions {
  double support = 0.001;     ///< least share of the training bundles that contain an itemset
  double confidence = 0.001;  ///< least share of those with all its categories but one that have that one
};

/// A bundle is a transaction of its items' categories (category_leaf); the second item of a category counts
/// as a separate category, so an itemset may require two of a kind. The thresholds are those of the data
/// set's authors (Sun et al., doi 10.1145/3652865); how a session is answered is our interpretation.
class CategoryItemsets {
 public:
  explicit CategoryItemsets(std::span<const Session> training, const ItemsetOptions& options = {});

  /// Of the itemsets of at least 2 that the session's items contain, takes the one in the most training
  /// bundles (the largest among equals) and makes a bundle of the earliest items of its categories; then
  /// repeats with the remaining items. Items without a category are in no bundle.
  Answer predict(const Session& session) const;
  /// The number of frequent itemsets of at least 2.
  std::size_t size() const noexcept { return frequent_.size(); }

 private:
  using Kind = std::pair<std::string, int>;  // category, and which item of it (first, second, ...)
  using Itemset = std::vector<Kind>;         // ascending
  struct Rule {
    Itemset kinds;
    std::int64_t bundles = 0;  ///< training bundles that contain it
  };

  static Itemset kinds_of(const std::vector<std::string>& categories);
  bool confident(const Itemset& itemset, std::int64_t bundles, double least) const;

  std::map<Itemset, std::int64_t> counts_;  ///< of all subsets of the training bundles
  std::vector<Rule> frequent_;              ///< by falling count, then by falling size
};

}  // namespace routedk::bundle
