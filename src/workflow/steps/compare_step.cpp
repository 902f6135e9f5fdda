#include "routedk/workflow/steps/compare_step.h"

#include "routedk/bundle/bootstrap.h"
#include "routedk/core/config.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/shipped.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/steps/steps.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <numeric>
#include <thread>

#include "explain.h"
#include "study_files.h"
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;
using bundle::Metric;

/// The metrics whose differences are tested.
constexpr std::array kTested = {Metric::kF1, Metric::kJaccardF1};

std::vector<Tested> comparisons_of(const Study& study, const StudyResults& results,
                                   const bundle::BootstrapOptions& bootstrap) {
  std::vector<Tested> all;
  for (const ComparisonConfig& pair : study.config.compare) {
    for (const std::string& domain : results.domains) {
      const auto& a = results.runs.at(pair.a);
      const auto& b = results.runs.at(pair.b);
      if (!a.contains(domain) || !b.contains(domain)) {
        continue;
      }
      const bundle::Comparison found = bundle::compare(a.at(domain), b.at(domain), bootstrap);
      for (const Metric metric : kTested) {
        const auto m = static_cast<std::size_t>(metric);
        all.push_back({&pair, domain, metric, found.difference[m], found.intervals[m], found.p_value[m]});
      }
    }
  }
  std::vector<double> p_values(all.size());
  std::transform(all.begin(), all.end(), p_values.begin(), [](const Tested& one) { return one.p_value; });
  const std::vector<double> corrected = holm(p_values);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].p_holm = corrected[i];
  }
  return all;
}

}  // namespace

std::vector<double> holm(const std::vector<double>& p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return p_values[a] < p_values[b]; });
  std::vector<double> corrected(p_values.size());
  double least = 0.0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    least = std::max(least, std::min(1.0, static_cast<double>(order.size() - i) * p_values[order[i]]));
    corrected[order[i]] = least;
  }
  return corrected;
}

Step step_of_study(const Study& study, PointExperiments experiments) {
  Step step{{StepKind::kCompare, study.name}, {}, {}, {}, {}};
  step.settings["compare.format"] = "2";  // of study.json
  step.settings["study.question"] = study.config.question;
  std::vector<std::string> pairs;
  for (const ComparisonConfig& pair : study.config.compare) {
    pairs.push_back(pair.a + " - " + pair.b + (pair.explain ? ", explained" : ""));
  }
  step.settings["study.compare"] = fmt::format("{}", fmt::join(pairs, ", "));
  std::vector<std::string> names;
  const auto add_input = [&](StepKind kind, std::size_t i) {
    step.inputs.push_back({kind, study.points[i].name});
    step.input_keys[to_string(step.inputs.back())] = experiments[i]->step({kind}).key;
  };
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    names.push_back(study.points[i].name);
    add_input(StepKind::kEvaluate, i);
    if (study.points[i].config.watch.conflict > 0) {
      add_input(StepKind::kConflict, i);
    }
    if (study.points[i].config.watch.probe) {
      add_input(StepKind::kProbe, i);
    }
  }
  step.settings["study.points"] = fmt::format("{}", fmt::join(names, ", "));
  step.key = key_of(step);
  return step;
}

void check_comparisons(const Study& study) {
  const std::vector<std::string> names = result_names(study);
  std::vector<std::string> problems;
  for (const ComparisonConfig& pair : study.config.compare) {
    for (const std::string& name : {pair.a, pair.b}) {
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        add_new(problems, fmt::format("`study.compare` of {} must name results ({}), but has `{}` instead.",
                                      study.name, fmt::join(names, ", "), name));
      }
    }
  }
  for (const ComparisonConfig& pair : study.config.compare) {
    if (pair.explain && is_baseline_name(pair.a)) {
      problems.push_back(
          fmt::format("`a` of a comparison of {} that is explained must be a system's, but is {} instead.",
                      study.name, pair.a));
    }
  }
  const ExperimentConfig& first = study.points.front().config;
  for (const Point& point : study.points) {
    const ExperimentConfig& c = point.config;
    if (c.eval.split != first.eval.split || c.eval.limit != first.eval.limit ||
        c.split.test_per_length != first.split.test_per_length ||
        c.split.val_per_length != first.split.val_per_length) {
      problems.push_back(fmt::format(
          "The variants of {} must be evaluated on the same sessions, but those of {} and {} differ: "
          "see `eval.split`, `eval.limit` and `split`.",
          study.name, study.points.front().name, point.name));
    }
  }
  throw_problems(problems);
}

void compare_step(const Study& study, PointExperiments experiments) {
  const Store& store = experiments.front()->store();
  const Step step = step_of_study(study, experiments);
  const fs::path folder = store.folder_of(step);
  std::unique_ptr<StepLock> lock;
  while (!store.done(step) && (lock = store.open(step)) == nullptr) {  // another process compares
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  if (!store.done(step)) {
    const ExperimentConfig& c = study.points.front().config;
    const bundle::BootstrapOptions bootstrap{c.decode.seed, static_cast<int>(c.eval.resamples)};
    const StudyResults results = study_results(study, experiments, bootstrap);
    const std::vector<Tested> comparisons = comparisons_of(study, results, bootstrap);
    io::Json json = study_json(study, experiments, results, comparisons);
    json["explained"] = explained(study, experiments, results);
    io::write_json(folder / "study.json", json);
    write_file_atomic(folder / "study.txt", study_text(study, results, comparisons));
    store.close(step, io::Json::object());
  }
  for (const char* name : {"study.json", "study.txt"}) {
    make_link(folder / name, study.folder / name);
  }
}

std::string outcome(const Study& study, PointExperiments experiments) {
  if (!study.alone) {
    const std::string report = shipped_command("scripts/report", study.folder);
    return fmt::format(
        "{}\nfiles: {}\n{}", escaped(read_file(study.folder / "study.txt"), /*keep_newlines=*/true),
        (study.folder / "study.json").string(), report.empty() ? "" : fmt::format("next: {}\n", report));
  }
  const Experiment& experiment = *experiments.front();
  const fs::path folder = experiment.folder();
  std::string found;
  if (experiment.evaluates()) {
    const fs::path evaluation = experiment.step_folder({StepKind::kEvaluate});
    found =
        fmt::format("{}page: {}\n", escaped(read_file(evaluation / "summary.txt"), /*keep_newlines=*/true),
                    (folder / evaluation_folder(experiment.config()) / "results.html").string());
  } else {
    found = fmt::format("not evaluated: {}\n", kNothingToEvaluate);
  }
  if (experiment.has_sessions()) {
    return found;
  }
  const std::string router =
      experiment.config().experts.size() > 1 ? fmt::format("router: {}\n", (folder / "router").string()) : "";
  return fmt::format("{}experts: {}\n{}", found, (folder / "experts").string(), router);
}

}  // namespace routedk::workflow
