#include "routedk/bundle/item_relations.h"

#include "routedk/bundle/category.h"

#include <algorithm>
#include <functional>

#include <fmt/ranges.h>

namespace routedk::bundle {
namespace {

/// The name of the relation in the prompt.
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

/// How many training sessions have the pair, excluding the session asked about (`own`).
template <typename Pair>
double count(const std::map<Pair, std::int64_t>& counts, const std::set<Pair>& own, const Pair& pair) {
  const auto found = counts.find(pair);
  const std::int64_t all = found == counts.end() ? 0 : found->second;
  return static_cast<double>(all - (own.contains(pair) ? 1 : 0));
}

struct RelatedPair {
  double strength = 0.0;
  std::size_t first = 0;  // product number, from 1
  std::size_t second = 0;
};

}  // namespace

ItemRelations::ItemRelations(std::span<const Session> training, TfIdf titles, RelationOptions options)
    : titles_(std::move(titles)), options_(std::move(options)) {
  for (const Session& session : training) {
    Taught& taught = taught_[session.id];
    taught = {item_pairs(known_items(session)), category_pairs(session)};
    for (const ItemPair& pair : taught.items) {
      ++together_[pair];
    }
    for (const CategoryPair& pair : taught.categories) {
      ++joined_[pair];
    }
  }
}

void ItemRelations::recognise(std::span<const Item> items) {
  from_elsewhere_ = true;
  for (const Item& item : items) {
    by_title_[item.title].push_back(item);
  }
}

ItemRelations::KnownItem ItemRelations::known(const Item& item) const {
  const std::string leaf = category_leaf(item.category);
  if (!from_elsewhere_) {
    return {item.id, item.title, leaf};
  }
  const auto named = by_title_.find(item.title);
  if (named == by_title_.end()) {
    return {std::nullopt, item.title, leaf};
  }
  const std::vector<Item>& alike = named->second;
  const auto given =
      std::ranges::find(alike, item.given_id, [](const Item& one) { return std::optional(one.id); });
  const Item& found = given == alike.end() ? alike.front() : *given;
  return {found.id, item.title, leaf.empty() ? category_leaf(found.category) : leaf};
}

std::vector<ItemRelations::KnownItem> ItemRelations::known_items(const Session& session) const {
  std::vector<KnownItem> items;
  for (const Item& item : session.items) {
    items.push_back(known(item));
  }
  return items;
}

std::set<ItemRelations::ItemPair> ItemRelations::item_pairs(const std::vector<KnownItem>& items) {
  std::set<ItemPair> pairs;
  for (std::size_t i = 0; i < items.size(); ++i) {
    for (std::size_t j = i + 1; j < items.size(); ++j) {
      if (items[i].id && items[j].id) {
        pairs.insert(ascending(*items[i].id, *items[j].id));
      }
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

double ItemRelations::strength(Relation relation, const Taught& own, const KnownItem& a,
                               const KnownItem& b) const {
  const bool in_data = a.id && b.id;
  switch (relation) {
    case Relation::kTitleSimilarity: {
      const double similarity =
          in_data ? titles_.similarity(*a.id, *b.id) : titles_.similarity(a.title, b.title);
      return similarity < options_.min_similarity ? 0.0 : similarity;
    }
    case Relation::kCoPurchase:
      return in_data ? count(together_, own.items, ascending(*a.id, *b.id)) : 0.0;
    case Relation::kCategories:
      break;
  }
  return count(joined_, own.categories, ascending(a.leaf, b.leaf));
}

std::string ItemRelations::pairs_text(Relation relation, const Taught& own,
                                      const std::vector<KnownItem>& items) const {
  std::vector<RelatedPair> pairs;
  for (std::size_t i = 0; i < items.size(); ++i) {
    for (std::size_t j = i + 1; j < items.size(); ++j) {
      if (const double found = strength(relation, own, items[i], items[j]); found > 0) {
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
  const std::vector<KnownItem> items = known_items(session);
  const auto taught = taught_.find(session.id);
  const bool is_training = taught != taught_.end() && taught->second.items == item_pairs(items);
  const Taught own = is_training ? taught->second : Taught();
  std::vector<std::string> parts;
  for (const Relation relation : options_.relations) {
    parts.push_back(pairs_text(relation, own, items));
  }
  return fmt::format("{}", fmt::join(parts, " | "));
}

}  // namespace routedk::bundle
