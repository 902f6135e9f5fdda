/// `routedk-data split` and `routedk-data stats`.
#pragma once

#include "routedk/bundle/split.h"
#include "routedk/io/jsonl.h"

#include <filesystem>
#include <optional>
#include <string>

namespace routedk::workflow {

struct DataCommandOptions {
  std::filesystem::path data_dir;
  std::string domain;
  std::optional<bundle::SplitCounts> counts;  ///< override the data folder's own
};

/// {"train": [session ids], "val": [...], "test": [...]}. Needs no titles. Throws as load_dataset does.
io::Json split_json(const DataCommandOptions& options);

/// Counts of a domain: {"domain", "sessions", "items", "positions", "gold_bundles", "untitled": {"items",
/// "positions", "share"}, "lengths": {"2": sessions, ...}, "splits": {"train": {"sessions", "gold_bundles",
/// "bundles_per_session", "items_per_bundle"}, ...}}. `items` counts distinct items of the sessions with a
/// bundle, `positions` their occurrences. Throws as load_dataset does.
io::Json stats_json(const DataCommandOptions& options);

/// The same as readable lines.
std::string stats_text(const io::Json& stats);

}  // namespace routedk::workflow
