#include "results_files.h"

#include "routedk/bundle/predictions.h"
#include "routedk/core/files.h"
#include "routedk/io/json_field.h"
#include "routedk/workflow/steps/summary.h"

#include <algorithm>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

using eval::SystemResult;
using Results = std::vector<SystemResult>;

/// The result of `system` for that choice, or its first without a choice; nullptr if there is none.
const SystemResult* find(const Results& results, const std::string& system,
                         const std::optional<eval::Choice>& choice) {
  const auto found = std::find_if(results.begin(), results.end(), [&](const SystemResult& result) {
    return result.system == system && !result.baseline && (!choice || result.choice == choice);
  });
  return found == results.end() ? nullptr : &*found;
}

io::Json against_backbone(const Results& results, const bundle::BootstrapOptions& bootstrap) {
  io::Json comparisons = io::Json::array();
  for (const SystemResult& result : results) {
    const SystemResult* backbone = find(results, "backbone", result.choice);
    if (backbone != nullptr && result.system != "backbone") {
      comparisons.push_back(eval::compare_systems(result, *backbone, bootstrap));
    }
  }
  return comparisons;
}

io::Json against_vote(const Results& results, const bundle::BootstrapOptions& bootstrap) {
  io::Json comparisons = io::Json::array();
  for (const SystemResult& result : results) {
    if (result.choice && result.choice->rule != eval::SelectRule::kVote) {
      const eval::Choice vote{eval::SelectRule::kVote, result.choice->samples};
      if (const SystemResult* other = find(results, result.system, vote); other != nullptr) {
        comparisons.push_back(eval::compare_systems(result, *other, bootstrap));
      }
    }
  }
  return comparisons;
}

std::vector<std::string> notes(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  std::vector<std::string> notes = {fmt::format(
      "Candidates drawn at temperature {}, {}; brackets and ranges are 95 % intervals of a bootstrap over "
      "sessions ({} resamples).",
      c.decode.temperature, c.decode.constrain ? "canonical answers only" : "freely, parsed strictly",
      c.eval.resamples)};
  if (experiment.dataset().leaky_titles) {
    notes.emplace_back("leaky_titles: untitled items, which are never in a bundle, were dropped.");
  }
  if (experiment.leaky_categories()) {
    notes.emplace_back(
        "leaky_categories: prompts show categories, which items that are never in a bundle lack.");
  }
  return notes;
}

/// Each session's contribution to the metrics (bundle/metrics.h), for comparison with systems of other
/// evaluations.
io::Json scores_of(const Results& results) {
  io::Json json = io::Json::object();
  for (const SystemResult& result : results) {
    io::Json runs = io::Json::array();
    for (const auto& run : result.runs) {
      io::Json sessions = io::Json::array();
      for (const bundle::SessionScore& score : run) {
        sessions.push_back({score.numerator, score.denominator});
      }
      runs.push_back(std::move(sessions));
    }
    json[result.name] = std::move(runs);
  }
  return json;
}

io::Json results_json(const Experiment& experiment, const Found& found) {
  const ExperimentConfig& c = experiment.config();
  io::Json json = {{"domain", c.data.domain},
                   {"split", name_of(c.eval.split)},
                   {"sessions", found.sessions},
                   {"leaky_titles", experiment.dataset().leaky_titles},
                   {"leaky_categories", experiment.leaky_categories()},
                   {"experts", c.experts},
                   {"samples", c.decode.samples},
                   {"select", name_of(c.decode.select)},
                   {"utility", name_of(c.decode.utility)},
                   {"expectation", name_of(c.decode.expectation)},
                   {"temperature", c.decode.temperature},
                   {"constrain", c.decode.constrain},
                   {"random_model", bundle::to_json(found.random)},
                   {"systems", io::Json::object()}};
  if (const auto others = c.data.others(); !others.empty()) {
    json["with"] = others;
  }
  for (const SystemResult& result : found.results) {
    json["systems"][result.name] = eval::to_json(result);
  }
  json["against_backbone"] = against_backbone(found.results, found.bootstrap);
  json["against_vote"] = against_vote(found.results, found.bootstrap);
  return json;
}

/// The view that results.html shows first; the rest is folded below it.
eval::TableView page_view(const io::Json& results) {
  eval::TableView view{
      {"f1", "jaccard_f1", "precision_all", "recall_distinct_all", "exact_match", "oracle_f1"}, {}};
  for (const char* other : {"backbone", "vote"}) {
    if (!results.at(fmt::format("against_{}", other)).empty()) {
      view.columns.push_back(fmt::format("f1_vs_{}", other));
      view.columns.push_back(fmt::format("p_vs_{}", other));
    }
  }
  return view;
}

}  // namespace

void write_results(const Experiment& experiment, const Found& found) {
  const io::Json json = results_json(experiment, found);
  eval::Table all = eval::results_table(io::JsonField(json, "results.json"));
  all.notes = notes(experiment);
  all.notes.push_back(fmt::format(
      "Answers drawn at random under the same grammar, {} a session, have f1 {:.3f} and jaccard_f1 {:.3f}.",
      eval::kRandomDraws, found.random.values[bundle::Metric::kF1],
      found.random.values[bundle::Metric::kJaccardF1]));
  const eval::Table usual = eval::shown(all, {});
  const std::filesystem::path folder = experiment.step_folder({StepKind::kEvaluate});
  write_file_atomic(folder / "scores.json", scores_of(found.results).dump());
  io::write_json(folder / "results.json", json);
  write_file_atomic(folder / "summary.txt", summary_table(all.title, found.results));
  write_file_atomic(folder / "results.txt", eval::text_table(usual));
  write_file_atomic(folder / "results.md", eval::markdown_table(usual));
  write_file_atomic(folder / "results.html", eval::html_table(eval::shown(all, page_view(json)), &all));
}

}  // namespace routedk::workflow
