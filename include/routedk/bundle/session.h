/// The domain model: items, sessions, gold bundles.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace routedk::bundle {

using ItemId = std::int64_t;
using SessionId = std::int64_t;

struct Item {
  ItemId id = 0;
  std::string title;     ///< entities decoded, white space folded; empty only under Untitled::kKeep
  std::string category;  ///< as in item_categories.csv; empty where unknown
  /// For a session from other sources, whose `id` numbers its items: the id that the item came with, if any.
  std::optional<ItemId> given_id{};
};

/// A set of item ids, in the order of its file.
using Bundle = std::vector<ItemId>;

/// An annotated bundle and its intent, written by a person.
struct GoldBundle {
  Bundle items;
  std::string intent;  ///< may be empty
};

/// One session as given to the model. Product number n (from 1) is items[n - 1].
struct Session {
  SessionId id = 0;
  std::int64_t order = 0;        ///< sid: order of first appearance in session_bundle.csv
  std::int64_t length = 0;       ///< number of items before untitled ones were dropped
  std::vector<Item> items;       ///< in click order
  std::vector<GoldBundle> gold;  ///< minimal sets, in the order of session_bundle.csv
};

/// An answer in item ids. A session whose answer did not parse has none.
using Answer = std::vector<Bundle>;

}  // namespace routedk::bundle
