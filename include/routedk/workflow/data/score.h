/// `routedk-eval score`: the metrics of a predictions file, or of a baseline.
#pragma once

#include "routedk/bundle/dataset.h"
#include "routedk/bundle/split.h"
#include "routedk/io/jsonl.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace routedk::workflow {

struct ScoreOptions {
  std::filesystem::path data_dir;
  std::string domain;
  bundle::SplitPart split = bundle::SplitPart::kTest;
  std::filesystem::path predictions;  ///< in the format of bundle::read_predictions
  std::string predictor;              ///< a baseline's name, instead of a file (bundle::kBaselineNames)
  /// Scoring needs no titles; kDrop: the predictions were made without the untitled items.
  bundle::Untitled untitled = bundle::Untitled::kKeep;
  std::optional<bundle::SplitCounts> counts;  ///< override the data folder's own
  std::uint64_t seed = 0;                     ///< of the bootstrap
};

/// {"domain", "split", "sessions", "leaky_titles", "warnings": signs of collapse, each metric by name,
/// "intervals": {metric: [low, high]}}. Throws as load_dataset, read_predictions and predict_baseline do;
/// ConfigError unless exactly one of file and predictor is given.
io::Json score(const ScoreOptions& options);

}  // namespace routedk::workflow
