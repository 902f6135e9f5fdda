/// Systems side by side: their figures with intervals, as JSON and as a table.
#pragma once

#include "routedk/bundle/bootstrap.h"
#include "routedk/bundle/floors.h"
#include "routedk/bundle/pair_auc.h"
#include "routedk/eval/answers.h"
#include "routedk/eval/router_stats.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace routedk::eval {

struct SystemResult {
  std::string name;
  bool floor = false;  ///< learnt nothing
  bundle::Evaluation figures;
  std::optional<bundle::PairAuc> pair_auc;  ///< of systems that sample
  double seconds = 0.0;                     ///< to answer all sessions
  std::vector<LayerRouting> routing;        ///< of systems that mix experts
  bundle::Runs runs;                        ///< for paired comparisons
};

/// `mixes`: the system's gate weighs experts, so its routing is reported.
SystemResult score_answers(const std::string& name, std::span<const bundle::Session> sessions,
                           std::span<const SessionAnswer> answers, bool mixes,
                           const bundle::BootstrapOptions& bootstrap);
SystemResult score_floor_system(const std::string& name, std::span<const bundle::Session> sessions,
                                const bundle::TfIdf& titles, const bundle::BootstrapOptions& bootstrap);

/// {"precision": ..., "intervals": {...}, "pair_auc": ..., "seconds": ..., "routing": [...]}
io::Json to_json(const SystemResult& system);
/// Difference a - b in every metric with its interval and p-value, on the same sessions.
io::Json compare_systems(const SystemResult& a, const SystemResult& b,
                         const bundle::BootstrapOptions& bootstrap);

/// A plain-text table, one system a line, models first.
std::string results_table(std::span<const SystemResult> systems);

}  // namespace routedk::eval
