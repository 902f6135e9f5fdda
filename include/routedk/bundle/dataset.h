/// A domain of the bundle data released with the SIGIR 2022 data set, read from its CSV files.
#pragma once

#include "routedk/bundle/session.h"
#include "routedk/core/named_enum.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace routedk::bundle {

/// What to do with items without a title. They are never in a gold bundle, so dropping them tells a model
/// which items are not in one.
enum class Untitled {
  kError,  ///< reject the data
  kDrop,   ///< remove them from their sessions; the data set is marked `leaky_titles`
  kKeep,   ///< keep them with an empty title: enough for splitting and scoring, useless for a model
};

/// The values that a configuration may use.
constexpr auto enum_names(Untitled /*of*/) {
  return std::to_array<EnumName<Untitled>>({{Untitled::kError, "error"}, {Untitled::kDrop, "drop"}});
}

struct DataOptions {
  std::filesystem::path dir;  ///< the folder that contains the domains' folders
  std::string domain;
  Untitled untitled = Untitled::kError;
};

/// Positions are (session, item) pairs in the sessions that are kept.
struct TitleCount {
  std::int64_t positions = 0;
  std::int64_t untitled_positions = 0;
  std::int64_t untitled_items = 0;
};

struct Dataset {
  std::string domain;
  std::vector<Session> sessions;             ///< those with at least one bundle, by `order`
  std::map<ItemId, std::string> titles;      ///< of all titled items of the domain, spelled as in the file
  std::map<ItemId, std::string> categories;  ///< of all items that have one, as in the file
  TitleCount title_count;                    ///< before any item is dropped
  bool leaky_titles = false;                 ///< items were dropped because they have no title
};

/// Reads session_item, session_bundle, bundle_item, bundle_intent and item_categories.csv, and the titles of
/// item_titles_full.csv if it exists, else of item_titles.csv. Titles have their entities decoded; white
/// space and newlines in titles and intents are folded into single spaces. A blank title counts as missing.
/// FileError for a missing or malformed file; DataError, with file:line, for an unknown domain, an id that is
/// not an integer or occurs twice, a bundle with fewer than 2 items, unknown items or items outside its
/// session, a session of other than 2..10 items, text that is not UTF-8, and for untitled items under kError.
Dataset load_dataset(const DataOptions& options);

/// The names of the domains under `dir`: its subfolders that contain a session_item.csv, sorted. FileError
/// when `dir` is not a folder.
std::vector<std::string> list_domains(const std::filesystem::path& dir);

/// dir/domain; DataError, which lists the existing domains, when it is not in list_domains.
std::filesystem::path domain_folder(const std::filesystem::path& dir, const std::string& domain);

/// The minimal bundles of a session, in their order: exact duplicates (after the first) and proper supersets
/// of another bundle are dropped.
std::vector<GoldBundle> minimal_bundles(std::vector<GoldBundle> bundles);

}  // namespace routedk::bundle
