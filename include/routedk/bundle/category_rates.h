/// How often training bundles join two categories.
#pragma once

#include "routedk/bundle/session.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace routedk::bundle {

/// Counts pairs of categorised items of a session, for each pair of categories above them in the tree.
class CategoryRates {
 public:
  using Pair = std::pair<std::string, std::string>;  ///< two nodes of the tree, ascending
  struct Count {
    std::int64_t seen = 0;    ///< pairs of items of these categories that shared a session
    std::int64_t joined = 0;  ///< those of them that also shared a gold bundle
  };
  using Counts = std::map<Pair, Count>;

  CategoryRates() = default;
  explicit CategoryRates(std::span<const Session> training);

  /// What one session contributes.
  Counts counts_of(const Session& session) const;

  /// The chance that two items of a session with these category texts share a bundle; 0 if either has none.
  /// Estimated from the root of the tree to the leaves: at each level joined / seen, with the estimate of the
  /// level above counted as 10 pairs. `own`, of a training session, is left out of the counts. A text without
  /// brackets is looked up among the leaves.
  double rate(std::string_view a, std::string_view b, const Counts& own = {}) const;

 private:
  /// The nodes from the root, "", to the leaf; empty without a category.
  std::vector<std::string> nodes(std::string_view category) const;

  Counts counts_;
  std::map<std::string, std::string, std::less<>> leaves_;  ///< the category text that first had the leaf
};

}  // namespace routedk::bundle
