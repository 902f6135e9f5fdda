/// Systems side by side: their metrics with intervals, as JSON and as a table.
#pragma once

#include "routedk/bundle/baselines.h"
#include "routedk/bundle/bootstrap.h"
#include "routedk/eval/answers.h"
#include "routedk/eval/calibration.h"
#include "routedk/eval/collapse.h"
#include "routedk/eval/router_stats.h"
#include "routedk/eval/sample_figures.h"
#include "routedk/eval/session_traits.h"
#include "routedk/eval/table.h"
#include "routedk/io/json_field.h"

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace routedk::eval {

/// Below tables of results.
inline constexpr const char* kMeaningOfF1 =
    "of precision_all and recall_distinct_all in each session; a predicted bundle is a hit if it lies within "
    "a gold bundle";

struct SystemResult {
  std::string name;              ///< of the system and, if not the usual one, of the choice
  std::string system;            ///< the system's name only
  bool baseline = false;         ///< without learning
  std::optional<Choice> choice;  ///< for systems that sample
  bundle::Evaluation figures;
  std::shared_ptr<const SampleFigures>
      sampled;           ///< for systems that sample; shared by choices among as many samples
  double seconds = 0.0;  ///< to answer all sessions; 0 for choices that see fewer samples
  std::map<bundle::SessionId, double> expected_utility;  ///< for kExpectedUtility, sessions with a value
  std::vector<LayerRouting> routing;  ///< for systems that mix experts, in the first of their results
  std::vector<std::vector<double>> alpha_with;  // [traits][K] rank correlations, next to routing
  bundle::Runs runs;                            ///< for paired comparisons
  std::optional<AnswerPatterns> patterns{};     ///< none for baselines
  std::optional<Calibration> calibration{};     ///< of the choice's shares, for systems that sample
  std::vector<std::string> warnings{};          ///< signs of collapse, one sentence each
};

/// "dynamic", "dynamic mbr", "dynamic n=8", "dynamic expected_utility utility=mean n=8": names what differs
/// from the usual choice.
std::string result_name(const std::string& system, const Choice& choice, const Choice& usual);

/// A result as warnings name it, by the table's columns: "dynamic (mbr, n=8)", "itemsets".
std::string label_of(const SystemResult& result);

struct ScoreSetting {
  Choice usual;        ///< omitted from names
  bool mixes = false;  ///< the system's gate weights experts, so its routing is reported
  bundle::BootstrapOptions bootstrap{};
  std::span<const SessionTraits> traits{};  ///< the sessions', for `alpha_with`; may be empty
};

/// One result for each choice in the answers' selections, in order.
std::vector<SystemResult> score_answers(const std::string& system, std::span<const bundle::Session> sessions,
                                        std::span<const SessionAnswer> answers, const ScoreSetting& setting);
/// The result of predictions without candidates.
SystemResult score_predictions(const std::string& system, std::span<const bundle::Session> sessions,
                               std::span<const bundle::Prediction> predictions,
                               const bundle::BootstrapOptions& bootstrap);
SystemResult score_baseline_system(const std::string& name, std::span<const bundle::Session> sessions,
                                   const bundle::TfIdf& titles, const bundle::BootstrapOptions& bootstrap);

/// {"precision": ..., "intervals": {...}, "baseline": ..., "system": ..., "select": ..., "samples": ...,
///  "pair_auc": ..., "oracle": {...}, "overlap": {"equality": ..., "jaccard": ...} or null,
///  "candidates_parsed": ..., "seconds": ..., "calibration": {"ece": ..., "bins": [{"share", "hit",
///  "answers"}]}, "routing": [...], "patterns": {"sessions": ..., "whole": ..., "alike": ...,
///  "commonest": ...}, "warnings": [...]}; if "select" is expected_utility, also "utility", "expectation"
///  and "expected_utility": {"mean": ..., "sessions": {session: ...}}, to compare with the utility reached
io::Json to_json(const SystemResult& system);
/// Difference a - b in every metric with its interval and p-value, on the same sessions.
io::Json compare_systems(const SystemResult& a, const SystemResult& b,
                         const bundle::BootstrapOptions& bootstrap);

/// The table of results.json: "systems", each as to_json writes it, and optionally "against_backbone" and
/// "against_vote", as compare_systems writes them; the title says "domain", "sessions" and "split", if there
/// are these. One row per result, in order, with its rule and number of candidates, every metric, and the
/// results' warnings. Metrics that unexpectedly can exceed 1 are called
/// `hits_per_gold`.
Table results_table(const io::JsonField& results);

}  // namespace routedk::eval
