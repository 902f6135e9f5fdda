#include "results_files.h"

#include "routedk/bundle/predictions.h"
#include "routedk/core/files.h"
#include "routedk/workflow/steps/summary.h"

#include <algorithm>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

using eval::SystemResult;
using Results = std::vector<SystemResult>;

/// The result of `system` under that choice; without a choice the first one; nullptr when there is none.
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

std::string usual_rule(const DecodeConfig& decode) {
  return decode.select == eval::SelectRule::kExpectedUtility
             ? fmt::format("{} ({}, {})", decode.select, decode.utility, decode.expectation)
             : fmt::format("{}", decode.select);
}

std::vector<std::string> notes(const Experiment& experiment, std::size_t sessions) {
  const ExperimentConfig& c = experiment.config();
  std::vector<std::string> notes = {
      fmt::format("{} sessions of {}, split {}. Candidates drawn at temperature {}, {}; brackets are 95 % "
                  "intervals of a "
                  "bootstrap over sessions ({} resamples).",
                  sessions, c.data.domain, c.eval.split, c.decode.temperature,
                  c.decode.constrain ? "canonical answers only" : "freely, parsed strictly",
                  c.eval.resamples),
      fmt::format(
          "A row is a system, chosen among {} candidates by {} unless it says otherwise. oracle_f1: f1 of "
          "each "
          "session's best candidate, which no choice can exceed but bundle_vote and expected_utility; equal: "
          "share of pairs of "
          "candidates that agree; seconds: to draw all candidates.",
          c.decode.samples, usual_rule(c.decode))};
  if (experiment.dataset().leaky_titles) {
    notes.emplace_back("leaky_titles: untitled items, which are never in a bundle, were dropped.");
  }
  if (experiment.leaky_categories()) {
    notes.emplace_back(
        "leaky_categories: prompts show categories, which items that are never in a bundle lack.");
  }
  return notes;
}

/// What each session adds to the metrics (bundle/metrics.h), to compare systems of other evaluations with.
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

}  // namespace

void write_results(const Experiment& experiment, const Found& found) {
  const auto& [sessions, results, random, bootstrap] = found;
  const ExperimentConfig& c = experiment.config();
  io::Json json = {{"domain", c.data.domain},
                   {"split", name_of(c.eval.split)},
                   {"sessions", sessions},
                   {"leaky_titles", experiment.dataset().leaky_titles},
                   {"leaky_categories", experiment.leaky_categories()},
                   {"samples", c.decode.samples},
                   {"select", name_of(c.decode.select)},
                   {"utility", name_of(c.decode.utility)},
                   {"expectation", name_of(c.decode.expectation)},
                   {"temperature", c.decode.temperature},
                   {"constrain", c.decode.constrain},
                   {"random_model", bundle::to_json(random)},
                   {"systems", io::Json::object()}};
  for (const SystemResult& result : results) {
    json["systems"][result.name] = eval::to_json(result);
  }
  json["against_backbone"] = against_backbone(results, bootstrap);
  json["against_vote"] = against_vote(results, bootstrap);
  eval::Table table = eval::results_table(results);
  table.title = fmt::format("Results: {}, {}", c.data.domain, c.eval.split);
  table.notes = notes(experiment, sessions);
  table.notes.push_back(fmt::format(
      "Answers drawn at random under the same grammar, {} a session, have f1 {:.3f} and jaccard_f1 {:.3f}.",
      eval::kRandomDraws, random.values[bundle::Metric::kF1], random.values[bundle::Metric::kJaccardF1]));
  const std::filesystem::path folder = experiment.step_folder({StepKind::kEvaluate});
  write_file_atomic(folder / "scores.json", scores_of(results).dump());
  io::write_json(folder / "results.json", json);
  write_file_atomic(folder / "summary.txt", summary_table(results));
  write_file_atomic(folder / "results.txt", eval::text_table(table));
  write_file_atomic(folder / "results.md", eval::markdown_table(table));
  write_file_atomic(folder / "results.html", eval::html_table(table));
}

}  // namespace routedk::workflow
