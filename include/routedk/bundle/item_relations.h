/// Relations between the items of a session, as a line of its prompt: one of the paper's open questions.
#pragma once

#include "routedk/bundle/category_rates.h"
#include "routedk/bundle/related_groups.h"
#include "routedk/bundle/session.h"
#include "routedk/bundle/tfidf.h"
#include "routedk/core/named_enum.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace routedk::bundle {

/// A relation between two items, shown with its strength.
enum class Relation {
  kTitleSimilarity,  ///< TF-IDF cosine of the titles, over all titles of the domain
  kCoPurchase,       ///< training sessions that contain both items
  kCategoryRates,    ///< how often training bundles join their two categories (CategoryRates)
  kRelated,          ///< the mean of title similarity and the rate of the categories
  kDraft,            ///< not pairs with strengths, but related_groups() in the form of an answer
};

constexpr auto enum_names(Relation /*of*/) {
  return std::to_array<EnumName<Relation>>({{Relation::kTitleSimilarity, "title_similarity"},
                                            {Relation::kCoPurchase, "co_purchase"},
                                            {Relation::kCategoryRates, "category_rates"},
                                            {Relation::kRelated, "related"},
                                            {Relation::kDraft, "draft"}});
}

struct RelationOptions {
  std::vector<Relation> relations;  ///< shown in this order
  std::int64_t pairs = 5;           ///< the most pairs of each relation, the strongest first
  double min_similarity = 0.1;      ///< pairs of less similar titles are dropped
};

/// Learns from training sessions and titles alone. The line of a training session (one with known id and
/// items) excludes what was learned from that session (leave one out); otherwise it would reveal its gold
/// bundles, unlike the line of any other session. user_item.csv is not read: its items are those of the
/// user's gold bundles.
class ItemRelations {
 public:
  ItemRelations(std::span<const Session> training, TfIdf titles, RelationOptions options);

  /// Sessions after this call come from other sources. An item is matched with the item of the data (`items`)
  /// that has its title (as prompts show it); among several, the one with its `given_id`, else the first. Any
  /// other item is compared by its title, has the category that comes with it, and was in no training
  /// session.
  void recognise(std::span<const Item> items);

  /// "similar titles: product1 ~ product3 (0.42); product2 ~ product4 (0.15) | bought together: none", by
  /// falling strength, then by product numbers; pairs with strength 0 or too small are dropped.
  std::string text(const Session& session) const;

  /// An answer without a model: bundle::related_groups() by `related`.
  Answer related_groups(const Session& session) const;

 private:
  using ItemPair = std::pair<ItemId, ItemId>;  // ascending
  /// What one training session contributes to the counts.
  struct Taught {
    std::set<ItemPair> items;
    CategoryRates::Counts categories;
  };
  /// An item as matched here.
  struct KnownItem {
    std::optional<ItemId> id;  ///< its id in the data
    std::string title;
    std::string category;
  };

  static std::set<ItemPair> item_pairs(const std::vector<KnownItem>& items);
  KnownItem known(const Item& item) const;
  std::vector<KnownItem> known_items(const Session& session) const;
  double strength(Relation relation, const Taught& own, const KnownItem& a, const KnownItem& b) const;
  /// Training sessions that hold both, excluding the session asked about.
  double sessions_with(const ItemPair& pair, const Taught& own) const;
  /// What the session taught, if it is a training session.
  Taught taught_by(const Session& session, const std::vector<KnownItem>& items) const;
  /// The related pairs, the strongest first, equals by position.
  std::vector<RelatedPair> pairs(Relation relation, const Taught& own,
                                 const std::vector<KnownItem>& items) const;
  std::string draft_text(const Taught& own, const std::vector<KnownItem>& items) const;
  std::string pairs_text(Relation relation, const Taught& own, const std::vector<KnownItem>& items) const;

  TfIdf titles_;
  RelationOptions options_;
  CategoryRates categories_;
  std::map<ItemPair, std::int64_t> together_;
  std::map<SessionId, Taught> taught_;
  bool from_elsewhere_ = false;
  std::unordered_map<std::string, std::vector<Item>> by_title_;
};

}  // namespace routedk::bundle
