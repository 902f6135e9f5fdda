#include "routedk/bundle/item_relations.h"

#include "routedk/bundle/answer.h"

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
    case Relation::kCategoryRates:
      return "categories bundled together";
    case Relation::kRelated:
      return "related";
    case Relation::kDraft:
      break;
  }
  return "draft";
}

template <typename T>
std::pair<T, T> ascending(T a, T b) {
  return b < a ? std::pair(std::move(b), std::move(a)) : std::pair(std::move(a), std::move(b));
}

}  // namespace

ItemRelations::ItemRelations(std::span<const Session> training, TfIdf titles, RelationOptions options)
    : titles_(std::move(titles)), options_(std::move(options)), categories_(training) {
  for (const Session& session : training) {
    Taught& taught = taught_[session.id];
    taught = {item_pairs(known_items(session)), categories_.counts_of(session)};
    for (const ItemPair& pair : taught.items) {
      ++together_[pair];
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
  if (!from_elsewhere_) {
    return {item.id, item.title, item.category};
  }
  const auto named = by_title_.find(item.title);
  if (named == by_title_.end()) {
    return {std::nullopt, item.title, item.category};
  }
  const std::vector<Item>& alike = named->second;
  const auto given =
      std::ranges::find(alike, item.given_id, [](const Item& one) { return std::optional(one.id); });
  const Item& found = given == alike.end() ? alike.front() : *given;
  return {found.id, item.title, item.category.empty() ? found.category : item.category};
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

double ItemRelations::strength(Relation relation, const Taught& own, const KnownItem& a,
                               const KnownItem& b) const {
  const auto similarity = [&] {
    return a.id && b.id ? titles_.similarity(*a.id, *b.id) : titles_.similarity(a.title, b.title);
  };
  const auto rate = [&] { return categories_.rate(a.category, b.category, own.categories); };
  switch (relation) {
    case Relation::kTitleSimilarity: {
      const double found = similarity();
      return found < options_.min_similarity ? 0.0 : found;
    }
    case Relation::kCoPurchase:
      return a.id && b.id ? sessions_with(ascending(*a.id, *b.id), own) : 0.0;
    case Relation::kCategoryRates:
      return rate();
    case Relation::kRelated:
    case Relation::kDraft:
      break;
  }
  return (similarity() + rate()) / 2;
}

double ItemRelations::sessions_with(const ItemPair& pair, const Taught& own) const {
  const auto found = together_.find(pair);
  const std::int64_t all = found == together_.end() ? 0 : found->second;
  return static_cast<double>(all - (own.items.contains(pair) ? 1 : 0));
}

std::vector<RelatedPair> ItemRelations::pairs(Relation relation, const Taught& own,
                                              const std::vector<KnownItem>& items) const {
  std::vector<RelatedPair> pairs;
  for (std::size_t i = 0; i < items.size(); ++i) {
    for (std::size_t j = i + 1; j < items.size(); ++j) {
      if (const double found = strength(relation, own, items[i], items[j]); found > 0) {
        pairs.push_back({found, i, j});
      }
    }
  }
  std::ranges::stable_sort(pairs, std::greater<>(), &RelatedPair::strength);
  return pairs;
}

std::string ItemRelations::pairs_text(Relation relation, const Taught& own,
                                      const std::vector<KnownItem>& items) const {
  const int decimals = relation == Relation::kCoPurchase ? 0 : 2;
  std::vector<std::string> shown;
  for (const RelatedPair& pair : pairs(relation, own, items)) {
    if (static_cast<std::int64_t>(shown.size()) < options_.pairs) {
      shown.push_back(fmt::format("product{} ~ product{} ({:.{}f})", pair.first + 1, pair.second + 1,
                                  pair.strength, decimals));
    }
  }
  return fmt::format("{}: {}", wording(relation),
                     shown.empty() ? "none" : fmt::format("{}", fmt::join(shown, "; ")));
}

ItemRelations::Taught ItemRelations::taught_by(const Session& session,
                                               const std::vector<KnownItem>& items) const {
  const auto taught = taught_.find(session.id);
  const bool is_training = taught != taught_.end() && taught->second.items == item_pairs(items);
  return is_training ? taught->second : Taught();
}

std::string ItemRelations::text(const Session& session) const {
  const std::vector<KnownItem> items = known_items(session);
  const Taught own = taught_by(session, items);
  std::vector<std::string> parts;
  for (const Relation relation : options_.relations) {
    parts.push_back(relation == Relation::kDraft ? draft_text(own, items) : pairs_text(relation, own, items));
  }
  return fmt::format("{}", fmt::join(parts, " | "));
}

std::string ItemRelations::draft_text(const Taught& own, const std::vector<KnownItem>& items) const {
  ProductAnswer draft;
  for (const auto& group : bundle::related_groups(pairs(Relation::kRelated, own, items), items.size())) {
    auto& products = draft.emplace_back();
    for (const std::size_t position : group) {
      products.push_back(static_cast<int>(position) + 1);
    }
  }
  return fmt::format("{}: {}", wording(Relation::kDraft), draft.empty() ? "none" : canonical_answer(draft));
}

Answer ItemRelations::related_groups(const Session& session) const {
  const std::vector<KnownItem> items = known_items(session);
  const std::vector<RelatedPair> related = pairs(Relation::kRelated, taught_by(session, items), items);
  Answer answer;
  for (const auto& group : bundle::related_groups(related, items.size())) {
    auto& bundle = answer.emplace_back();
    for (const std::size_t position : group) {
      bundle.push_back(session.items[position].id);
    }
  }
  return answer;
}

}  // namespace routedk::bundle
