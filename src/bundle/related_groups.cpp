#include "routedk/bundle/related_groups.h"

#include <algorithm>

namespace routedk::bundle {
namespace {

using Positions = std::vector<std::size_t>;

constexpr double kLeastOfAPair = 0.3;
constexpr double kLeastToJoin = 0.4;

/// Strengths [items, items], symmetric.
class Strengths {
 public:
  Strengths(const std::vector<RelatedPair>& pairs, std::size_t items)
      : items_(items), values_(items * items) {
    for (const RelatedPair& pair : pairs) {
      values_[pair.first * items_ + pair.second] = values_[pair.second * items_ + pair.first] = pair.strength;
    }
  }

  double mean_between(const Positions& a, const Positions& b) const {
    double sum = 0.0;
    for (const std::size_t i : a) {
      for (const std::size_t j : b) {
        sum += values_[i * items_ + j];
      }
    }
    return sum / static_cast<double>(a.size() * b.size());
  }

 private:
  std::size_t items_;
  std::vector<double> values_;
};

/// The pairs, then the positions left over.
std::vector<Positions> paired(const std::vector<RelatedPair>& pairs, std::size_t items) {
  std::vector<bool> taken(items, false);
  std::vector<Positions> groups;
  for (const RelatedPair& pair : pairs) {
    const bool related = groups.empty() || pair.strength >= kLeastOfAPair;
    if (related && !taken[pair.first] && !taken[pair.second]) {
      taken[pair.first] = taken[pair.second] = true;
      groups.push_back({pair.first, pair.second});
    }
  }
  for (std::size_t i = 0; i < items; ++i) {
    if (!taken[i]) {
      groups.push_back({i});
    }
  }
  return groups;
}

/// Joins the two groups that are most related; false if none are related enough.
bool join_two(std::vector<Positions>& groups, const Strengths& strengths) {
  double most = kLeastToJoin;
  std::size_t into = 0;
  std::size_t from = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (std::size_t j = i + 1; j < groups.size(); ++j) {
      const double mean = strengths.mean_between(groups[i], groups[j]);
      if (mean > most || (mean == most && from == 0)) {
        most = mean;
        into = i;
        from = j;
      }
    }
  }
  if (from == 0) {
    return false;
  }
  groups[into].insert(groups[into].end(), groups[from].begin(), groups[from].end());
  groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(from));
  return true;
}

}  // namespace

std::vector<std::vector<std::size_t>> related_groups(const std::vector<RelatedPair>& pairs,
                                                     std::size_t items) {
  const Strengths strengths(pairs, items);
  std::vector<Positions> groups = paired(pairs, items);
  while (join_two(groups, strengths)) {
  }
  std::erase_if(groups, [](const Positions& group) { return group.size() < 2; });
  for (Positions& group : groups) {
    std::ranges::sort(group);
  }
  std::ranges::sort(groups);
  return groups;
}

}  // namespace routedk::bundle
