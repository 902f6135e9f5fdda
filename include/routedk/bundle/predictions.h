/// Predictions and metrics as files: predictions from others to score, and our own results.
#pragma once

#include "routedk/bundle/bootstrap.h"
#include "routedk/bundle/metrics.h"
#include "routedk/io/jsonl.h"

#include <filesystem>
#include <span>
#include <vector>

namespace routedk::bundle {

/// Reads lines {"session": id, "bundles": [[item ids], ...]}, `null` for an answer that did not parse, in any
/// order. Other keys are ignored, and ids may be strings that spell integers. Returns one prediction per
/// session, in the order of `sessions`. FileError with file:line for a malformed line; DataError for a
/// session that is not in `sessions` or occurs twice, and for a session without a line. Items that are not in
/// the session are legal: they miss.
std::vector<Prediction> read_predictions(const std::filesystem::path& path,
                                         std::span<const Session> sessions);

/// {"precision": x, ..., "intervals": {"precision": [low, high], ...}} with kMetricNames as keys.
io::Json to_json(const Evaluation& evaluation);

}  // namespace routedk::bundle
