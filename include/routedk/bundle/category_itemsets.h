/// Frequent itemsets of categories as a predictor: what kinds of items training bundles join.
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
  double support = 0.001;     ///< least share of the training bundles that hold an itemset
  double confidence = 0.001;  ///< least share of those with all its categories but one that hold that one too
};

/// A bundle is a transaction of its items' categories (category_leaf); the second item of a category counts
/// as a category of its own, so an itemset may ask for two of a kind. The thresholds are those of the data
/// set's authors (Sun et al., doi 10.1145/3652865); how a session is answered is our reading.
class CategoryItemsets {
 public:
  explicit CategoryItemsets(std::span<const Session> training, const ItemsetOptions& options = {});

  /// The itemset of at least 2 that the session's items hold and that most training bundles held, the larger
  /// of equals, becomes a bundle of the earliest items of these categories; so do the next ones among the
  /// items that are left. Items without a category are in no bundle.
  Answer predict(const Session& session) const;
  /// How many itemsets of at least 2 are frequent.
  std::size_t size() const noexcept { return frequent_.size(); }

 private:
  using Kind = std::pair<std::string, int>;  // category, the how-manieth of its items
  using Itemset = std::vector<Kind>;         // ascending
  struct Rule {
    Itemset kinds;
    std::int64_t bundles = 0;  ///< that hold it
  };

  static Itemset kinds_of(const std::vector<std::string>& categories);
  bool confident(const Itemset& itemset, std::int64_t bundles, double least) const;

  std::map<Itemset, std::int64_t> counts_;  ///< of all subsets of the training bundles
  std::vector<Rule> frequent_;              ///< by falling count, then by falling size
};

}  // namespace routedk::bundle
