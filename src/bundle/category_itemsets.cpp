#include "routedk/bundle/category_itemsets.h"

#include "routedk/bundle/category.h"

#include <algorithm>

namespace routedk::bundle {
namespace {

/// A session has at most 10 items, so a bundle has at most 2^10 subsets; of a larger one only the first items
/// count.
constexpr std::size_t kLargest = 10;

std::vector<std::string> categories_of(const Session& session, const Bundle& bundle) {
  std::vector<std::string> categories;
  for (const Item& item : session.items) {
    const bool inside = std::find(bundle.begin(), bundle.end(), item.id) != bundle.end();
    if (const std::string leaf = category_leaf(item.category);
        inside && !leaf.empty() && categories.size() < kLargest) {
      categories.push_back(leaf);
    }
  }
  return categories;
}

}  // namespace

CategoryItemsets::Itemset CategoryItemsets::kinds_of(const std::vector<std::string>& categories) {
  Itemset kinds;
  for (const std::string& category : categories) {
    const auto before =
        std::count_if(kinds.begin(), kinds.end(), [&](const Kind& kind) { return kind.first == category; });
    kinds.emplace_back(category, static_cast<int>(before));
  }
  std::sort(kinds.begin(), kinds.end());
  return kinds;
}

CategoryItemsets::CategoryItemsets(std::span<const Session> training, const ItemsetOptions& options) {
  std::int64_t bundles = 0;
  for (const Session& session : training) {
    for (const GoldBundle& gold : session.gold) {
      const Itemset all = kinds_of(categories_of(session, gold.items));
      for (std::uint32_t mask = 1; mask < (1U << all.size()); ++mask) {
        Itemset subset;
        bool whole = true;  // a second item of a category requires the first, which precedes it
        for (std::size_t i = 0; i < all.size(); ++i) {
          if ((mask >> i & 1U) != 0) {
            whole = whole && (all[i].second == 0 || (mask >> (i - 1) & 1U) != 0);
            subset.push_back(all[i]);
          }
        }
        if (whole) {
          ++counts_[subset];
        }
      }
      ++bundles;
    }
  }
  const double least = options.support * static_cast<double>(bundles);
  for (const auto& [itemset, count] : counts_) {
    if (itemset.size() >= 2 && static_cast<double>(count) >= least &&
        confident(itemset, count, options.confidence)) {
      frequent_.push_back({itemset, count});
    }
  }
  std::stable_sort(frequent_.begin(), frequent_.end(), [](const Rule& a, const Rule& b) {
    return std::pair(a.bundles, a.kinds.size()) > std::pair(b.bundles, b.kinds.size());
  });
}

/// Whether one of its rules "all but one -> that one" is confident.
bool CategoryItemsets::confident(const Itemset& itemset, std::int64_t bundles, double least) const {
  for (std::size_t i = 0; i < itemset.size(); ++i) {
    Itemset rest = itemset;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    const auto found = counts_.find(rest);
    if (found != counts_.end() &&
        static_cast<double>(bundles) >= least * static_cast<double>(found->second)) {
      return true;
    }
  }
  return false;
}

Answer CategoryItemsets::predict(const Session& session) const {
  Answer answer;
  std::vector<const Item*> left;
  for (const Item& item : session.items) {
    if (!category_leaf(item.category).empty()) {
      left.push_back(&item);
    }
  }
  for (const Rule& rule : frequent_) {
    while (true) {
      std::vector<const Item*> chosen;
      for (const Kind& kind : rule.kinds) {
        const auto next = std::find_if(left.begin(), left.end(), [&](const Item* item) {
          return category_leaf(item->category) == kind.first &&
                 std::find(chosen.begin(), chosen.end(), item) == chosen.end();
        });
        if (next != left.end()) {
          chosen.push_back(*next);
        }
      }
      if (chosen.size() < rule.kinds.size()) {
        break;
      }
      Bundle bundle;
      for (const Item* item : chosen) {
        bundle.push_back(item->id);
        std::erase(left, item);
      }
      answer.push_back(std::move(bundle));
    }
  }
  return answer;
}

}  // namespace routedk::bundle
