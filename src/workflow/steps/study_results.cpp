#include "study_results.h"

#include "routedk/bundle/baselines.h"
#include "routedk/eval/results.h"
#include "routedk/io/json_field.h"
#include "routedk/workflow/steps/answer_setting.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

using bundle::Runs;

bundle::MetricValues values_of(const io::JsonField& list) {
  const auto items = list.items();
  list.require(items.size() == bundle::kMetrics, fmt::format("be a list of {} numbers", bundle::kMetrics));
  bundle::MetricValues values{};
  std::transform(items.begin(), items.end(), values.begin(),
                 [](const io::JsonField& item) { return item.real(); });
  return values;
}

/// All runs must have the same number of sessions, at least one.
Runs runs_of(const io::JsonField& json) {
  Runs runs;
  for (const io::JsonField& run : json.items()) {
    auto& sessions = runs.emplace_back();
    for (const io::JsonField& session : run.items()) {
      const auto parts = session.items();
      session.require(parts.size() == 2, "be a list of numerators and denominators");
      sessions.push_back({values_of(parts[0]), values_of(parts[1])});
    }
    run.require(sessions.size() == runs.front().size(), "score as many sessions as the run before it");
  }
  json.require(!runs.empty(), "be a list of at least one run");
  return runs;
}

}  // namespace

bool is_baseline_name(const std::string& name) {
  return std::find(bundle::kBaselineNames.begin(), bundle::kBaselineNames.end(), name) !=
         bundle::kBaselineNames.end();
}

StudyResults study_results(const Study& study, PointExperiments experiments,
                           const bundle::BootstrapOptions& bootstrap) {
  StudyResults results;
  std::vector<std::string> baselines;
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    const std::string& variant = study.points[i].variant;
    const std::string& domain = study.points[i].config.data.domain;
    const io::JsonField scores =
        io::read_json_field(experiments[i]->step_folder({StepKind::kEvaluate}) / "scores.json");
    scores.require(scores.value().is_object(), "be an object");
    add_new(results.domains, domain);
    for (const auto& [result, ignored] : scores.value().items()) {
      const bool baseline = is_baseline_name(result);
      const std::string name = variant.empty() || baseline ? result : fmt::format("{}/{}", variant, result);
      add_new(baseline ? baselines : results.names, name);
      Runs& runs = results.runs[name][domain];
      if (!baseline || runs.empty()) {
        Runs more = runs_of(scores[result]);
        scores[result].require(runs.empty() || more.front().size() == runs.front().size(),
                               "score as many sessions as it does under other seeds");
        std::move(more.begin(), more.end(), std::back_inserter(runs));
      }
    }
  }
  results.names.insert(results.names.end(), baselines.begin(), baselines.end());
  for (const auto& [name, by_domain] : results.runs) {
    for (const auto& [domain, runs] : by_domain) {
      results.figures[name][domain] = bundle::evaluate(runs, bootstrap);
    }
  }
  return results;
}

std::vector<std::string> result_names(const Study& study) {
  std::vector<std::string> names;
  for (const Point& point : study.points) {
    const std::string prefix = point.variant.empty() ? "" : point.variant + "/";
    for (const std::string& system : point.config.eval.systems) {
      if (!has_candidates(system)) {
        add_new(names, prefix + system);
        continue;
      }
      for (const eval::Choice& choice : choices_of(point.config)) {
        add_new(names, prefix + eval::result_name(system, choice, usual_choice(point.config.decode)));
      }
    }
  }
  names.insert(names.end(), bundle::kBaselineNames.begin(), bundle::kBaselineNames.end());
  return names;
}

}  // namespace routedk::workflow
