#include "routedk/bundle/category_rates.h"

#include "routedk/bundle/category.h"

#include <algorithm>

namespace routedk::bundle {
namespace {

constexpr double kPriorPairs =
    10;  // of 1, 3 and 10 the best by pair_auc, on folds of Electronic's training data

/// The two items' categories at each level; the shorter path stays at its leaf.
std::vector<CategoryRates::Pair> levels(const std::vector<std::string>& a,
                                        const std::vector<std::string>& b) {
  std::vector<CategoryRates::Pair> pairs;
  if (a.empty() || b.empty()) {
    return pairs;
  }
  for (std::size_t level = 0; level < std::max(a.size(), b.size()); ++level) {
    const auto [first, second] =
        std::minmax(a[std::min(level, a.size() - 1)], b[std::min(level, b.size() - 1)]);
    pairs.emplace_back(first, second);
  }
  return pairs;
}

bool share_a_bundle(const Session& session, ItemId a, ItemId b) {
  const auto holds = [](const Bundle& bundle, ItemId item) {
    return std::find(bundle.begin(), bundle.end(), item) != bundle.end();
  };
  return std::any_of(session.gold.begin(), session.gold.end(),
                     [&](const GoldBundle& gold) { return holds(gold.items, a) && holds(gold.items, b); });
}

CategoryRates::Count count_of(const CategoryRates::Counts& counts, const CategoryRates::Pair& pair) {
  const auto found = counts.find(pair);
  return found == counts.end() ? CategoryRates::Count{} : found->second;
}

}  // namespace

CategoryRates::CategoryRates(std::span<const Session> training) {
  for (const Session& session : training) {
    for (const Item& item : session.items) {
      if (std::string leaf = category_leaf(item.category); !leaf.empty()) {
        leaves_.emplace(std::move(leaf), item.category);
      }
    }
  }
  for (const Session& session : training) {
    for (const auto& [pair, count] : counts_of(session)) {
      counts_[pair].seen += count.seen;
      counts_[pair].joined += count.joined;
    }
  }
}

CategoryRates::Counts CategoryRates::counts_of(const Session& session) const {
  Counts counts;
  for (std::size_t i = 0; i < session.items.size(); ++i) {
    for (std::size_t j = i + 1; j < session.items.size(); ++j) {
      const Item& a = session.items[i];
      const Item& b = session.items[j];
      const std::int64_t joined = share_a_bundle(session, a.id, b.id) ? 1 : 0;
      for (const Pair& pair : levels(nodes(a.category), nodes(b.category))) {
        ++counts[pair].seen;
        counts[pair].joined += joined;
      }
    }
  }
  return counts;
}

double CategoryRates::rate(std::string_view a, std::string_view b, const Counts& own) const {
  double rate = 0.0;
  for (const Pair& pair : levels(nodes(a), nodes(b))) {
    const Count all = count_of(counts_, pair);
    const Count left_out = count_of(own, pair);
    rate = (static_cast<double>(all.joined - left_out.joined) + kPriorPairs * rate) /
           (static_cast<double>(all.seen - left_out.seen) + kPriorPairs);
  }
  return rate;
}

std::vector<std::string> CategoryRates::nodes(std::string_view category) const {
  std::vector<std::string> path = category_path(category);
  if (path.size() == 1 && !category.starts_with('[')) {
    if (const auto known = leaves_.find(path.front()); known != leaves_.end()) {
      path = category_path(known->second);
    }
  }
  std::vector<std::string> nodes;
  if (path.empty()) {
    return nodes;
  }
  nodes.emplace_back();
  for (const std::string& name : path) {
    nodes.push_back(nodes.back() + "/" + name);
  }
  return nodes;
}

}  // namespace routedk::bundle
