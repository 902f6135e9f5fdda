#include "routedk/bundle/join_domains.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/io/csv.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace routedk::bundle {
namespace {

constexpr std::int64_t kMostId = std::int64_t{1} << 62;

/// The ids of other domains' sessions or items, in order of need, above those of `taken`.
class NewIds {
 public:
  void above(std::int64_t taken) {
    if (taken >= kMostId) {
      throw_<DataError>("Ids must be below 2^62 to be joined with others, but one is {}.", taken);
    }
    next_ = std::max(next_, taken + 1);
  }
  /// The domain that the next calls of `of` are about.
  void begin_domain() { known_.clear(); }
  std::int64_t of(std::int64_t id) {
    const auto [at, is_new] = known_.emplace(id, next_);
    next_ += is_new ? 1 : 0;
    return at->second;
  }

 private:
  std::int64_t next_ = 0;
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

bool are_the_same(const std::vector<Session>& a, const std::vector<Session>& b) {
  return std::ranges::equal(a, b, {}, &Session::id, &Session::id);
}

/// Throws if a session of another domain is validated or tested with.
void require_own_split(const Dataset& evaluated, const Dataset& joined, const SplitCounts& counts) {
  const Split own = split_sessions(evaluated.sessions, counts);
  const Split all = split_sessions(joined.sessions, counts);
  if (!are_the_same(own.val, all.val) || !are_the_same(own.test, all.test)) {
    throw_<DataError>(
        "{} must have {} sessions of every length that is joined, but has fewer of one: lower the sizes of "
        "the "
        "split.",
        evaluated.domain, counts.test_per_length + counts.val_per_length);
  }
}

std::string table_of(const char* header, const Texts& texts) {
  std::string table = header;
  for (const auto& [id, text] : texts) {
    table += fmt::format("{},{}\n", id, io::csv_field(text));
  }
  return table;
}

}  // namespace

Dataset join_domains(const Dataset& evaluated, std::span<const Dataset> others, const SplitCounts& counts) {
  NewIds session_ids;
  NewIds item_ids;
  for (const Session& session : evaluated.sessions) {
    session_ids.above(session.id);
    std::ranges::for_each(session.items, [&](const Item& item) { item_ids.above(item.id); });
  }
  for (const Texts* texts : {&evaluated.titles, &evaluated.categories}) {
    std::ranges::for_each(*texts, [&](const auto& text) { item_ids.above(text.first); });
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
  }
  joined.sessions.insert(joined.sessions.end(), evaluated.sessions.begin(), evaluated.sessions.end());
  for (std::size_t order = 0; order < joined.sessions.size(); ++order) {
    joined.sessions[order].order = static_cast<std::int64_t>(order);
  }
  require_own_split(evaluated, joined, counts);
  return joined;
}

void write_dataset(const Dataset& data, const std::filesystem::path& folder) {
  std::string session_items = "session ID,item ID\n";
  std::string session_bundles = "session ID,bundle ID\n";
  std::string bundle_items = "bundle ID,item ID\n";
  Texts intents;
  for (const Session& session : data.sessions) {
    for (const Item& item : session.items) {
      session_items += fmt::format("{},{}\n", session.id, item.id);
    }
    for (const GoldBundle& bundle : session.gold) {
      const auto id = static_cast<std::int64_t>(intents.size());
      session_bundles += fmt::format("{},{}\n", session.id, id);
      for (const ItemId item : bundle.items) {
        bundle_items += fmt::format("{},{}\n", id, item);
      }
      intents.emplace(id, bundle.intent);
    }
  }
  write_file_atomic(folder / "session_item.csv", session_items);
  write_file_atomic(folder / "session_bundle.csv", session_bundles);
  write_file_atomic(folder / "bundle_item.csv", bundle_items);
  write_file_atomic(folder / "bundle_intent.csv", table_of("bundle ID,intent\n", intents));
  write_file_atomic(folder / "item_titles.csv", table_of("item ID,titles\n", data.titles));
  write_file_atomic(folder / "item_categories.csv", table_of("item ID,categories\n", data.categories));
}

}  // namespace routedk::bundle
