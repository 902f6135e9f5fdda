/// Predictions and figures as files: what others hand us to score, and what we hand out.
#pragma once

#include "routedk/bundle/bootstrap.h"
#include "routedk/bundle/metrics.h"
#include "routedk/io/jsonl.h"

#include <filesystem>
#include <span>
#include <vector>

namespace routedk::bundle {

/// Reads lines {"session": id, "bundles": [[item ids], ...]}, `null` for an answer that did not parse, in any
/// order; other keys are ignored and ids may be texts that spell integers. One prediction a session, in the
/// order of `sessions`. FileError with file:line where a line is not JSON or of another shape; DataError for
/// a session that is not among `sessions` or occurs twice, and for a session without a line. Items that a
/// session does not hold are legal: they miss.
std::vector<Prediction> read_predictions(const std::filesystem::path& path,
                                         std::span<const Session> sessions);

/// {"precision": x, ..., "intervals": {"precision": [low, high], ...}} by kMetricNames.
io::Json to_json(const Evaluation& evaluation);

}  // namespace routedk::bundle
