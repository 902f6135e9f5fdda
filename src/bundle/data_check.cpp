#include "routedk/bundle/data_check.h"

#include "routedk/bundle/domain_tables.h"
#include "routedk/core/error.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "check_tables.h"
#include "item_limits.h"
#include <fmt/format.h>

namespace routedk::bundle {
namespace {

namespace fs = std::filesystem;
using Ids = std::set<std::int64_t>;

struct Domain {
  IdRows session_items;
  IdRows session_bundles;
  IdRows bundle_items;
  TextRows intents;
  TextRows titles;
  TextRows categories;
};

/// The values of one key of a table of pairs, and the line of the key's first row.
struct Group {
  Ids values;
  std::int64_t line = 0;
};
using Groups = std::map<std::int64_t, Group>;

Groups by_key(const IdRows& table) {
  Groups groups;
  for (const IdRow& row : table.rows) {
    Group& group = groups.try_emplace(row.ids[0], Group{{}, row.line}).first->second;
    group.values.insert(row.ids[1]);
  }
  return groups;
}

Domain read(const fs::path& folder, Findings& findings) {
  Domain domain;
  domain.session_items = check_distinct_ids(folder / "session_item.csv", "session ID,item ID", findings);
  domain.session_bundles =
      check_distinct_ids(folder / "session_bundle.csv", "session ID,bundle ID", findings);
  domain.bundle_items = check_distinct_ids(folder / "bundle_item.csv", "bundle ID,item ID", findings);
  domain.intents = check_texts(folder / "bundle_intent.csv", "bundle ID,intent", findings);
  domain.categories = check_texts(folder / "item_categories.csv", "item ID,categories", findings);
  domain.titles = check_texts(folder / "item_titles.csv", "item ID,titles", findings);
  if (const fs::path full = titles_file(folder); full != folder / "item_titles.csv") {
    domain.titles = check_texts(full, "item ID,titles", findings);
  }
  return domain;
}

class DomainCheck {
 public:
  DomainCheck(const fs::path& folder, const SplitCounts& split, Findings& findings)
      : folder_(folder),
        split_(split),
        findings_(findings),
        domain_(read(folder, findings)),
        sessions_(by_key(domain_.session_items)),
        bundles_(by_key(domain_.bundle_items)) {}

  void run() {
    check_session_lengths();
    check_session_bundles();
    check_bundles();
    check_intents();
    check_users();
    check_leak(domain_.titles, "title",
               {Severity::kLeak, "untitled_items", domain_.titles.path, 0,
                "which makes them known negatives: complete the titles with `routedk-data "
                "add-titles`, or set `data.untitled: drop`, which stamps every result leaky"});
    check_leak(domain_.categories, "category",
               {Severity::kWarning, "uncategorised_items", domain_.categories.path, 0,
                "so a model must not be shown categories: leave them out of `prompt.relations`"});
    check_split();
  }

 private:
  void error(const char* rule, const fs::path& file, std::int64_t line, std::string message) {
    findings_.add({Severity::kError, rule, file, line, std::move(message)});
  }

  // A file that could not be read to its end is one finding. The checks below skip what would follow from it.

  void check_session_lengths() {
    if (!domain_.session_items.whole) {
      return;
    }
    for (const auto& [session, items] : sessions_) {
      if (items.values.size() < kMinItems || items.values.size() > kMaxItems) {
        error("session_length", domain_.session_items.path, items.line,
              fmt::format("A session must have {} to {} items, but session {} has {}", kMinItems, kMaxItems,
                          session, items.values.size()));
      }
    }
  }

  void check_session_bundles() {
    const fs::path& file = domain_.session_bundles.path;
    for (const IdRow& row : domain_.session_bundles.rows) {
      const std::int64_t session = row.ids[0];
      const std::int64_t bundle = row.ids[1];
      if (domain_.session_items.whole && !sessions_.contains(session)) {
        error("unknown_session", file, row.line,
              fmt::format("A session must have items, but session {} has none", session));
      }
      if (domain_.bundle_items.whole && !bundles_.contains(bundle)) {
        error("unknown_bundle", file, row.line,
              fmt::format("A bundle must have items, but bundle {} has none", bundle));
      }
      const auto [other, first] = session_of_.emplace(bundle, session);
      if (!first) {
        error("bundle_sessions", file, row.line,
              fmt::format("A bundle must be in one session, but bundle {} is in {} and {}", bundle,
                          other->second, session));
      }
    }
  }

  void check_bundles() {
    const fs::path& file = domain_.bundle_items.path;
    for (const auto& [bundle, items] : bundles_) {
      if (domain_.bundle_items.whole && items.values.size() < kMinItems) {
        error("bundle_size", file, items.line,
              fmt::format("A bundle must have at least {} items, but bundle {} has {}", kMinItems, bundle,
                          items.values.size()));
      }
      if (domain_.session_bundles.whole && !session_of_.contains(bundle)) {
        error("bundle_sessions", file, items.line,
              fmt::format("A bundle must be in one session, but bundle {} is in none", bundle));
      }
      if (domain_.intents.whole && !domain_.intents.rows.contains(bundle)) {
        error("bundle_intent", file, items.line,
              fmt::format("A bundle must have an intent, but bundle {} has none", bundle));
      }
    }
    for (const IdRow& row : domain_.bundle_items.rows) {
      check_member(row);
    }
  }

  void check_member(const IdRow& row) {
    const fs::path& file = domain_.bundle_items.path;
    const auto session = session_of_.find(row.ids[0]);
    const auto items = session == session_of_.end() ? sessions_.end() : sessions_.find(session->second);
    if (domain_.session_items.whole && items != sessions_.end() &&
        !items->second.values.contains(row.ids[1])) {
      error("bundle_outside_session", file, row.line,
            fmt::format(
                "A bundle's items must be in its session, but item {} of bundle {} is not in session {}",
                row.ids[1], row.ids[0], session->second));
    }
    if (domain_.titles.whole && !domain_.titles.says_something(row.ids[1])) {
      error("bundle_title", file, row.line,
            fmt::format("An item of a bundle must have a title, but item {} has none", row.ids[1]));
    }
  }

  void check_intents() {
    for (const auto& [bundle, intent] : domain_.intents.rows) {
      if (domain_.bundle_items.whole && !bundles_.contains(bundle)) {
        error("unknown_bundle", domain_.intents.path, intent.line,
              fmt::format("A bundle must have items, but bundle {} has none", bundle));
      } else if (!domain_.intents.says_something(bundle)) {
        findings_.add(
            {Severity::kWarning, "blank_intent", domain_.intents.path, intent.line,
             fmt::format("An intent should say something, but that of bundle {} is blank", bundle)});
      }
    }
  }

  /// The users' files are used nowhere else and are optional.
  void check_users() {
    Groups items;
    for (const IdRow& row : domain_.session_items.rows) {
      items.try_emplace(row.ids[1]);
    }
    check_user_file("session", "unknown_session", sessions_, domain_.session_items.whole);
    check_user_file("bundle", "unknown_bundle", bundles_, domain_.bundle_items.whole);
    check_user_file("item", "unknown_item", items, domain_.session_items.whole);
  }

  void check_user_file(const char* what, const char* rule, const Groups& known, bool knows_all) {
    const fs::path file = folder_ / fmt::format("user_{}.csv", what);
    if (!fs::exists(file)) {
      return;
    }
    for (const IdRow& row : check_ids(file, fmt::format("user ID,{} ID,timestamp", what), findings_).rows) {
      if (knows_all && !known.contains(row.ids[1])) {
        error(rule, file, row.line,
              fmt::format("A user's {0} must be in the sessions' or bundles' files, but {0} {1} is not", what,
                          row.ids[1]));
      }
    }
  }

  /// Texts that only some of the sessions' items have: items without one are never in a bundle.
  void check_leak(const TextRows& texts, const char* what, Finding finding) {
    if (!texts.whole) {
      return;
    }
    Ids items;
    for (const auto& [bundle, session] : session_of_) {
      if (const auto found = sessions_.find(session); found != sessions_.end()) {
        items.insert(found->second.values.begin(), found->second.values.end());
      }
    }
    const auto without =
        std::ranges::count_if(items, [&](std::int64_t item) { return !texts.says_something(item); });
    if (without > 0) {
      finding.message = fmt::format(
          "Every item of a session with bundles must have a {0}, but the {0} of {1} of {2} items is missing "
          "or blank, {3}",
          what, without, items.size(), finding.message);
      findings_.add(std::move(finding));
    }
  }

  /// Only the number of sessions of each length matters.
  void check_split() {
    if (!domain_.session_items.whole || !domain_.session_bundles.whole) {
      return;
    }
    std::map<std::int64_t, Session> sessions;  // by id, those with bundles
    for (const auto& [bundle, session] : session_of_) {
      const auto found = sessions_.find(session);
      const std::size_t length = found == sessions_.end() ? 0 : found->second.values.size();
      sessions[session].length = static_cast<std::int64_t>(length);
    }
    std::vector<Session> all;
    std::ranges::transform(sessions, std::back_inserter(all), [](const auto& each) { return each.second; });
    const Split split = split_sessions(all, split_);
    if (split.train.empty()) {
      findings_.add(
          {Severity::kWarning, "no_training_session", domain_.session_bundles.path, 0,
           fmt::format("A split must leave at least 1 session to learn from, but of {} with bundles "
                       "{} are for tests and {} for validation: lower `test_per_length` ({}) and "
                       "`val_per_length` ({}), in split.yaml or in a run's `split:`",
                       all.size(), split.test.size(), split.val.size(), split_.test_per_length,
                       split_.val_per_length)});
    }
  }

  const fs::path& folder_;
  const SplitCounts& split_;
  Findings& findings_;
  Domain domain_;
  Groups sessions_;                                  // session -> items
  Groups bundles_;                                   // bundle -> items
  std::map<std::int64_t, std::int64_t> session_of_;  // bundle -> session
};

}  // namespace

Findings check_domain(const fs::path& folder, const SplitCounts& split) {
  Findings findings;
  DomainCheck(folder, split, findings).run();
  return findings;
}

SplitCounts check_split_file(const fs::path& dir, Findings& findings) {
  try {
    return default_split_counts(dir);
  } catch (const UserError& problems) {
    std::istringstream lines(problems.what());
    for (std::string line; std::getline(lines, line);) {
      findings.add({Severity::kError, "split", dir / "split.yaml", 0, line});
    }
    return {0, 0};  // so that check_domain does not warn about counts that the user did not set
  }
}

}  // namespace routedk::bundle
