#include "routedk/bundle/join_domains.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace routedk::bundle {
namespace {

constexpr std::int64_t kLeastId = -(std::int64_t{1} << 62);

/// New ids for the sessions or items of other domains: -1, -2, ... in the order in which they are asked for,
/// below all that are taken.
class NewIds {
 public:
  NewIds(std::string domain, const char* whose) : domain_(std::move(domain)), whose_(whose) {}

  void take(std::int64_t id) {
    if (id < kLeastId) {
      throw_<DataError>(
          "The {} ids of a domain must be at least -2^62 to be joined with others, but `{}` has {}.", whose_,
          domain_, id);
    }
    next_ = std::min(next_, id - 1);
  }
  /// Forgets the ids of the domain before.
  void begin_domain() { known_.clear(); }
  std::int64_t of(std::int64_t id) {
    const auto [at, is_new] = known_.emplace(id, next_);
    next_ -= is_new ? 1 : 0;
    return at->second;
  }

 private:
  std::string domain_;
  const char* whose_;
  std::int64_t next_ = -1;
  std::map<std::int64_t, std::int64_t> known_;
};

using Texts = std::map<ItemId, std::string>;

Session renumbered(Session session, NewIds& sessions, NewIds& items) {
  session.id = sessions.of(session.id);
  for (Item& item : session.items) {
    item.id = items.of(item.id);
  }
  for (GoldBundle& bundle : session.gold) {
    std::ranges::transform(bundle.items, bundle.items.begin(), [&](ItemId id) { return items.of(id); });
  }
  return session;
}

void add_renumbered(const Texts& texts, NewIds& items, Texts& to) {
  for (const auto& [id, text] : texts) {
    to.emplace(items.of(id), text);
  }
}

/// Throws if a session of another domain would be one of validation or test.
void require_own_split(const Dataset& evaluated, std::span<const Session> added, const SplitCounts& counts) {
  const std::int64_t held_out = counts.test_per_length + counts.val_per_length;
  for (const Session& session : added) {
    const auto own = std::ranges::count(evaluated.sessions, session.length, &Session::length);
    if (own < held_out) {
      throw_<DataError>(
          "`{}` must have {} sessions of length {} for validation and test, since others add some, but has "
          "{}: lower split.test_per_length and split.val_per_length.",
          evaluated.domain, held_out, session.length, own);
    }
  }
}

}  // namespace

Dataset join_domains(const Dataset& evaluated, std::span<const Dataset> others, const SplitCounts& counts) {
  NewIds session_ids(evaluated.domain, "session");
  NewIds item_ids(evaluated.domain, "item");
  for (const Session& session : evaluated.sessions) {
    session_ids.take(session.id);
    std::ranges::for_each(session.items, [&](const Item& item) { item_ids.take(item.id); });
  }
  for (const Texts* texts : {&evaluated.titles, &evaluated.categories}) {
    std::ranges::for_each(*texts, [&](const auto& text) { item_ids.take(text.first); });
  }
  Dataset joined = evaluated;
  joined.sessions.clear();
  for (const Dataset& other : others) {
    session_ids.begin_domain();
    item_ids.begin_domain();
    for (const Session& session : split_sessions(other.sessions, counts).train) {
      joined.sessions.push_back(renumbered(session, session_ids, item_ids));
    }
    add_renumbered(other.titles, item_ids, joined.titles);
    add_renumbered(other.categories, item_ids, joined.categories);
    joined.leaky_titles = joined.leaky_titles || other.leaky_titles;
  }
  require_own_split(evaluated, joined.sessions, counts);
  joined.sessions.insert(joined.sessions.end(), evaluated.sessions.begin(), evaluated.sessions.end());
  for (std::size_t order = 0; order < joined.sessions.size(); ++order) {
    joined.sessions[order].order = static_cast<std::int64_t>(order);
  }
  return joined;
}

}  // namespace routedk::bundle
