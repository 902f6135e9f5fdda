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
  std::optional<bundle::SplitCounts> counts;  ///< instead of the data folder's own
};

/// {"train": [session ids], "val": [...], "test": [...]}. Needs no titles. Errors as load_dataset.
io::Json split_json(const DataCommandOptions& options);

/// What the domain holds: {"domain", "sessions", "items", "positions", "gold_bundles", "untitled": {"items",
/// "positions", "share"}, "lengths": {"2": sessions, ...}, "splits": {"train": {"sessions", "gold_bundles",
/// "bundles_per_session", "items_per_bundle"}, ...}}. `items` are the distinct ones of the sessions with a
/// bundle, `positions` their places. Errors as load_dataset.
io::Json stats_json(const DataCommandOptions& options);

/// The same as lines for people.
std::string stats_text(const io::Json& stats);

}  // namespace routedk::workflow
