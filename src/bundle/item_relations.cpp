#include "routedk/bundle/item_relations.h"

#include "routedk/bundle/category.h"

#include <algorithm>
#include <functional>

#include <fmt/ranges.h>

namespace routedk::bundle {
namespace {

/// As the prompt calls it.
const char* wording(Relation relation) {
  switch (relation) {
    case Relation::kTitleSimilarity:
      return "similar titles";
    case Relation::kCoPurchase:
      return "bought together";
    case Relation::kCategories:
      break;
  }
  return "categories bundled together";
}

template <typename T>
std::pair<T, T> ascending(T a, T b) {
  return b < a ? std::pair(std::move(b), std::move(a)) : std::pair(std::move(a), std::move(b));
}

/// How many training sessions taught the pair, the asking one left out.
template <typename Pair>
double count(const std::map<Pair, std::int64_t>& counts, const std::set<Pair>* own, const Pair& pair) {
  const auto found = counts.find(pair);
  const std::int64_t all = found == counts.end() ? 0 : found->second;
  return static_cast<double>(all - (own != nullptr && own->contains(pair) ? 1 : 0));
}

struct RelatedPair {
  double strength = 0.0;
  std::size_t first = 0;  // product numbers, from 1
  std::size_t second = 0;
};

}  // namespace

ItemRelations::ItemRelations(std::span<const Session> training, TfIdf titles, RelationOptions options)
    : titles_(std::move(titles)), options_(std::move(options)) {
  for (const Session& session : training) {
    auto& [items, categories] = taught_[session.id];
    items = item_pairs(session);
    categories = category_pairs(session);
    for (const ItemPair& pair : items) {
      ++together_[pair];
    }
    for (const CategoryPair& pair : categories) {
      ++joined_[pair];
    }
  }
}

std::set<ItemRelations::ItemPair> ItemRelations::item_pairs(const Session& session) {
  std::set<ItemPair> pairs;
  for (std::size_t i = 0; i < session.items.size(); ++i) {
    for (std::size_t j = i + 1; j < session.items.size(); ++j) {
      pairs.insert(ascending(session.items[i].id, session.items[j].id));
    }
  }
  return pairs;
}

std::set<ItemRelations::CategoryPair> ItemRelations::category_pairs(const Session& session) {
  std::map<ItemId, std::string> leaves;
  for (const Item& item : session.items) {
    if (std::string leaf = category_leaf(item.category); !leaf.empty()) {
      leaves.emplace(item.id, std::move(leaf));
    }
  }
  std::set<CategoryPair> pairs;
  for (const GoldBundle& gold : session.gold) {
    for (std::size_t i = 0; i < gold.items.size(); ++i) {
      for (std::size_t j = i + 1; j < gold.items.size(); ++j) {
        if (leaves.contains(gold.items[i]) && leaves.contains(gold.items[j])) {
          pairs.insert(ascending(leaves[gold.items[i]], leaves[gold.items[j]]));
        }
      }
    }
  }
  return pairs;
}

double ItemRelations::strength(Relation relation, const Session& session, const Item& a,
                               const Item& b) const {
  const auto own = taught_.find(session.id);
  if (relation == Relation::kTitleSimilarity) {
    const double similarity =
        options_.by_title ? titles_.similarity(a.title, b.title) : titles_.similarity(a.id, b.id);
    return similarity < options_.min_similarity ? 0.0 : similarity;
  }
  if (relation == Relation::kCoPurchase) {
    return count(together_, own == taught_.end() ? nullptr : &own->second.first, ascending(a.id, b.id));
  }
  const CategoryPair leaves = ascending(category_leaf(a.category), category_leaf(b.category));
  return count(joined_, own == taught_.end() ? nullptr : &own->second.second, leaves);
}

std::string ItemRelations::pairs_text(Relation relation, const Session& session) const {
  std::vector<RelatedPair> pairs;
  for (std::size_t i = 0; i < session.items.size(); ++i) {
    for (std::size_t j = i + 1; j < session.items.size(); ++j) {
      if (const double found = strength(relation, session, session.items[i], session.items[j]); found > 0) {
        pairs.push_back({found, i + 1, j + 1});
      }
    }
  }
  std::ranges::stable_sort(pairs, std::greater<>(), &RelatedPair::strength);
  pairs.resize(std::min(pairs.size(), static_cast<std::size_t>(options_.pairs)));
  std::vector<std::string> shown;
  shown.reserve(pairs.size());
  for (const RelatedPair& pair : pairs) {
    shown.push_back(
        relation == Relation::kTitleSimilarity
            ? fmt::format("product{} ~ product{} ({:.2f})", pair.first, pair.second, pair.strength)
            : fmt::format("product{} ~ product{} ({:.0f})", pair.first, pair.second, pair.strength));
  }
  return fmt::format("{}: {}", wording(relation),
                     shown.empty() ? "none" : fmt::format("{}", fmt::join(shown, "; ")));
}

std::string ItemRelations::text(const Session& session) const {
  std::vector<std::string> parts;
  for (const Relation relation : options_.relations) {
    parts.push_back(pairs_text(relation, session));
  }
  return fmt::format("{}", fmt::join(parts, " | "));
}

}  // namespace routedk::bundle
