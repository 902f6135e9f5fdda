#include "routedk/bundle/dataset.h"

#include "routedk/bundle/domain_tables.h"
#include "routedk/bundle/plain_text.h"
#include "routedk/core/error.h"
#include "routedk/core/suggestion.h"

#include <algorithm>
#include <set>
#include <utility>

#include "item_limits.h"
#include <fmt/ranges.h>

namespace routedk::bundle {
namespace {

namespace fs = std::filesystem;

using Texts = std::map<std::int64_t, std::string>;

struct Tables {
  IdTable session_items;
  IdTable session_bundles;
  IdTable bundle_items;
  Texts intents;
  Texts categories;
  Texts titles;        // as in the file
  Texts clean_titles;  // decoded and folded, none of them empty
};

Texts clean(const Texts& titles) {
  Texts cleaned;
  for (const auto& [id, title] : titles) {
    if (std::string text = clean_title(title); !text.empty()) {
      cleaned.emplace(id, std::move(text));
    }
  }
  return cleaned;
}

Tables read_tables(const fs::path& folder) {
  Tables tables;
  tables.session_items = read_id_table(folder / "session_item.csv");
  tables.session_bundles = read_id_table(folder / "session_bundle.csv");
  tables.bundle_items = read_id_table(folder / "bundle_item.csv");
  tables.intents = read_texts(folder / "bundle_intent.csv");
  tables.categories = read_texts(folder / "item_categories.csv");
  tables.titles = read_texts(titles_file(folder));
  tables.clean_titles = clean(tables.titles);
  return tables;
}

std::string text_or_empty(const Texts& texts, std::int64_t id) {
  const auto found = texts.find(id);
  return found == texts.end() ? std::string() : found->second;
}

const IdTable::Group& items_of_session(const Tables& tables, const IdTable::Group& session) {
  const auto* items = tables.session_items.find(session.key);
  if (items == nullptr) {
    throw_<DataError>("Session {} must have items in session_item.csv, but has none ({}:{}).", session.key,
                      tables.session_bundles.path.string(), session.line());
  }
  if (items->values.size() < kMinItems || items->values.size() > kMaxItems) {
    throw_<DataError>("A session with bundles must have {} to {} items, but session {} has {} ({}:{}).",
                      kMinItems, kMaxItems, session.key, items->values.size(),
                      tables.session_items.path.string(), items->line());
  }
  return *items;
}

GoldBundle annotated_bundle(const Tables& tables, std::int64_t bundle, const IdTable::Group& session) {
  const auto* members = tables.bundle_items.find(bundle);
  const fs::path& path = tables.bundle_items.path;
  if (members == nullptr || members->values.size() < kMinItems) {
    throw_<DataError>("A bundle must have at least {} items, but bundle {} of session {} has {} ({}:{}).",
                      kMinItems, bundle, session.key, members == nullptr ? 0 : members->values.size(),
                      path.string(), members == nullptr ? 1 : members->line());
  }
  for (std::size_t i = 0; i < members->values.size(); ++i) {
    const std::int64_t item = members->values[i];
    if (std::find(session.values.begin(), session.values.end(), item) == session.values.end()) {
      throw_<DataError>(
          "A bundle's items must be in its session, but item {} of bundle {} is not in session {} ({}:{}).",
          item, bundle, session.key, path.string(), members->lines[i]);
    }
  }
  return {members->values, fold_space(text_or_empty(tables.intents, bundle))};
}

Session make_session(const Tables& tables, const IdTable::Group& group, std::int64_t order) {
  const auto& items = items_of_session(tables, group);
  Session session;
  session.id = group.key;
  session.order = order;
  session.length = static_cast<std::int64_t>(items.values.size());
  for (const std::int64_t item : items.values) {
    session.items.push_back(
        {item, text_or_empty(tables.clean_titles, item), text_or_empty(tables.categories, item)});
  }
  std::vector<GoldBundle> bundles;
  for (const std::int64_t bundle : group.values) {
    bundles.push_back(annotated_bundle(tables, bundle, items));
  }
  session.gold = minimal_bundles(std::move(bundles));
  return session;
}

[[noreturn]] void refuse_untitled(const Dataset& data, const fs::path& folder) {
  const TitleCount& count = data.title_count;
  throw_<DataError>(
      "Every item must have a title, but {} of {} positions ({:.1f} %, {} items) of `{}` have none, and an "
      "untitled "
      "item is never in a bundle: complete the titles with `routedk-data add-titles`, or accept the leak "
      "with "
      "`data.untitled: drop` ({}).",
      count.untitled_positions, count.positions,
      100.0 * static_cast<double>(count.untitled_positions) / static_cast<double>(count.positions),
      count.untitled_items, data.domain, folder.string());
}

void drop_untitled(Dataset& data) {
  for (Session& session : data.sessions) {
    std::erase_if(session.items, [](const Item& item) { return item.title.empty(); });
  }
  data.leaky_titles = true;
}

bool includes_all(const Bundle& big, const Bundle& small) {
  return std::all_of(small.begin(), small.end(),
                     [&](ItemId item) { return std::find(big.begin(), big.end(), item) != big.end(); });
}

/// Counts the items of sessions that have and lack a title.
TitleCount count_titles(const std::vector<Session>& sessions) {
  TitleCount count;
  std::set<ItemId> untitled;
  for (const Session& session : sessions) {
    count.positions += session.length;
    for (const Item& item : session.items) {
      if (item.title.empty()) {
        ++count.untitled_positions;
        untitled.insert(item.id);
      }
    }
  }
  count.untitled_items = static_cast<std::int64_t>(untitled.size());
  return count;
}

}  // namespace

std::vector<std::string> list_domains(const fs::path& dir) {
  if (!fs::is_directory(dir)) {
    throw_<FileError>("--data-dir, `data.dir` or $ROUTEDK_DATA_DIR must be a folder, but {} is not.",
                      dir.string());
  }
  std::vector<std::string> domains;
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (fs::exists(entry.path() / "session_item.csv")) {
      domains.push_back(entry.path().filename().string());
    }
  }
  std::sort(domains.begin(), domains.end());
  return domains;
}

fs::path domain_folder(const fs::path& dir, const std::string& domain) {
  const auto domains = list_domains(dir);
  if (domains.empty()) {
    throw_<DataError>(
        "The data folder must have a folder with session_item.csv for each domain, but {} has none.",
        dir.string());
  }
  if (std::find(domains.begin(), domains.end(), domain) == domains.end()) {
    const bool is_name = !domain.empty() && domain.find_first_of("./") == std::string::npos;
    if (is_name && fs::is_directory(dir / domain)) {
      throw_<DataError>("A domain's folder must have session_item.csv, but {} has none.",
                        (dir / domain).string());
    }
    throw_<DataError>("The domain must be one of the folders [{}] of {}, but is `{}` instead{}",
                      fmt::join(domains, ", "), dir.string(), domain, suggestion(domain, domains));
  }
  return dir / domain;
}

std::vector<GoldBundle> minimal_bundles(std::vector<GoldBundle> bundles) {
  std::vector<GoldBundle> minimal;
  for (std::size_t i = 0; i < bundles.size(); ++i) {
    const Bundle& candidate = bundles[i].items;
    bool keep = true;
    for (std::size_t j = 0; j < bundles.size() && keep; ++j) {
      const Bundle& other = bundles[j].items;
      const bool smaller = other.size() < candidate.size() || (other.size() == candidate.size() && j < i);
      keep = j == i || !smaller || !includes_all(candidate, other);
    }
    if (keep) {
      minimal.push_back(bundles[i]);
    }
  }
  return minimal;
}

Dataset load_dataset(const DataOptions& options) {
  const fs::path folder = domain_folder(options.dir, options.domain);
  Tables tables = read_tables(folder);
  Dataset data;
  data.domain = options.domain;
  for (const auto& group : tables.session_bundles.groups) {
    data.sessions.push_back(make_session(tables, group, static_cast<std::int64_t>(data.sessions.size())));
  }
  data.titles = std::move(tables.titles);
  data.categories = std::move(tables.categories);
  data.title_count = count_titles(data.sessions);
  if (data.title_count.untitled_positions > 0 && options.untitled == Untitled::kError) {
    refuse_untitled(data, folder);
  }
  if (data.title_count.untitled_positions > 0 && options.untitled == Untitled::kDrop) {
    drop_untitled(data);
  }
  return data;
}

}  // namespace routedk::bundle
