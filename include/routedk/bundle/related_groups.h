/// Items grouped by how strongly each two of them are related.
#pragma once

#include <cstddef>
#include <vector>

namespace routedk::bundle {

struct RelatedPair {
  double strength = 0.0;   ///< positive
  std::size_t first = 0;   ///< position in the session
  std::size_t second = 0;  ///< a later one
};

/// Groups of at least two of `items` positions, each position in one group at most, ascending. First, pairs:
/// the strongest first, each position once, of strength 0.3 at least, and always the strongest. Then groups
/// and single positions are joined by average linkage, as long as the mean strength between two of them is at
/// least 0.4; a pair not given has strength 0. Both numbers are the best of 15 combinations by the mean of f1
/// and jaccard_f1 on Electronic's training sessions, each left out of what its relations are learnt from.
/// `pairs` is sorted by falling strength; of equals, the earlier wins.
std::vector<std::vector<std::size_t>> related_groups(const std::vector<RelatedPair>& pairs,
                                                     std::size_t items);

}  // namespace routedk::bundle
