#include "routedk/workflow/steps/compare_step.h"

#include "routedk/bundle/baselines.h"
#include "routedk/bundle/bootstrap.h"
#include "routedk/bundle/predictions.h"
#include "routedk/core/config.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/eval/results.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/steps/answer_setting.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <numeric>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;
using bundle::Metric;
using bundle::Runs;

constexpr std::array kShown = {Metric::kF1, Metric::kJaccardF1, Metric::kPrecisionAll,
                               Metric::kRecallDistinctAll};
/// Those whose differences are tested.
constexpr std::array kTested = {Metric::kF1, Metric::kJaccardF1};

std::string metric_name(Metric metric) {
  return std::string(bundle::kMetricNames[static_cast<std::size_t>(metric)]);
}

/// Results by name, in the study's order; for each, the runs of all seeds by domain.
struct StudyResults {
  std::vector<std::string> names;
  std::vector<std::string> domains;
  std::map<std::string, std::map<std::string, Runs>> runs;                   // name, domain
  std::map<std::string, std::map<std::string, bundle::Evaluation>> figures;  // of these
};

Runs runs_of(const io::Json& json) {
  Runs runs;
  for (const io::Json& run : json) {
    auto& sessions = runs.emplace_back();
    for (const io::Json& session : run) {
      bundle::SessionScore score;
      for (std::size_t m = 0; m < bundle::kMetrics; ++m) {
        score.numerator[m] = session.at(0).at(m).get<double>();
        score.denominator[m] = session.at(1).at(m).get<double>();
      }
      sessions.push_back(score);
    }
  }
  return runs;
}

bool is_baseline(const std::string& name) {
  return std::find(bundle::kBaselineNames.begin(), bundle::kBaselineNames.end(), name) !=
         bundle::kBaselineNames.end();
}

template <typename T>
void add_new(std::vector<T>& list, const T& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) {
    list.push_back(value);
  }
}

/// Baselines know no variant: they stand once, under their own names, after the systems.
StudyResults study_results(const Study& study, std::span<const std::unique_ptr<Experiment>> experiments,
                           const bundle::BootstrapOptions& bootstrap) {
  StudyResults results;
  std::vector<std::string> baselines;
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    const std::string& variant = study.points[i].variant;
    const std::string& domain = study.points[i].config.data.domain;
    const io::Json scores = io::read_json(experiments[i]->step_folder({StepKind::kEvaluate}) / "scores.json");
    add_new(results.domains, domain);
    for (const auto& [result, json] : scores.items()) {
      const bool baseline = is_baseline(result);
      const std::string name = variant.empty() || baseline ? result : fmt::format("{}/{}", variant, result);
      add_new(baseline ? baselines : results.names, name);
      Runs& runs = results.runs[name][domain];
      if (!baseline || runs.empty()) {
        Runs more = runs_of(json);
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

/// The names that the results of a study will have.
std::vector<std::string> result_names(const Study& study) {
  std::vector<std::string> names;
  for (const Point& point : study.points) {
    const std::string prefix = point.variant.empty() ? "" : point.variant + "/";
    for (const std::string& system : point.config.eval.systems) {
      if (is_predictions(system)) {
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

struct Tested {
  const ComparisonConfig* pair;
  std::string domain;
  Metric metric;
  double difference;
  bundle::Interval interval;
  double p_value;
  double p_holm = 0.0;
};

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

/// What a point's own results say beside the metrics: routing, overlap, calibration and the like.
io::Json facts_of(const Experiment& experiment) {
  static constexpr std::array kKept = {"select",      "samples",  "utility", "expectation",
                                       "pair_auc",    "overlap",  "seconds", "routing",
                                       "calibration", "patterns", "warnings"};
  const io::Json results = io::read_json(experiment.step_folder({StepKind::kEvaluate}) / "results.json");
  io::Json facts = io::Json::object();
  for (const auto& [name, system] : results.at("systems").items()) {
    for (const char* member : kKept) {
      if (system.contains(member) && !system.at("baseline").get<bool>()) {
        facts[name][member] = system.at(member);
      }
    }
    if (system.contains("oracle")) {
      facts[name]["oracle_f1"] = system.at("oracle").at("f1");
    }
  }
  return facts;
}

/// Time and memory of the steps that a point rests on.
io::Json costs_of(const Experiment& experiment) {
  io::Json costs = io::Json::array();
  for (const Step* step : needed_steps(experiment.steps())) {
    const io::Json record = experiment.store().record(*step).value_or(io::Json::object());
    costs.push_back({{"step", to_string(step->id)},
                     {"key", step->key},
                     {"seconds", record.value("seconds", 0.0)},
                     {"work", record.value("work", 0.0)},
                     {"peak_memory_mib", record.value("peak_memory_mib", 0.0)}});
  }
  return costs;
}

io::Json study_json(const Study& study, std::span<const std::unique_ptr<Experiment>> experiments,
                    const StudyResults& results, const std::vector<Tested>& comparisons) {
  io::Json json = {{"study", study.name}, {"question", study.config.question}};
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    const Point& point = study.points[i];
    const Step& step = experiments[i]->step({StepKind::kEvaluate});
    json["points"].push_back({{"name", point.name},
                              {"variant", point.variant},
                              {"domain", point.config.data.domain},
                              {"split", name_of(point.config.eval.split)},
                              {"seed", point.config.train.seed},
                              {"evaluate", step.key},
                              {"systems", facts_of(*experiments[i])},
                              {"steps", costs_of(*experiments[i])}});
  }
  json["results"] = io::Json::object();
  for (const std::string& name : results.names) {
    for (const auto& [domain, runs] : results.runs.at(name)) {
      io::Json figures = bundle::to_json(results.figures.at(name).at(domain));
      figures["runs"] = runs.size();
      figures["sessions"] = runs.front().size();
      json["results"][name][domain] = std::move(figures);
    }
  }
  json["comparisons"] = io::Json::array();
  for (const Tested& one : comparisons) {
    json["comparisons"].push_back({{"a", one.pair->a},
                                   {"b", one.pair->b},
                                   {"domain", one.domain},
                                   {"metric", metric_name(one.metric)},
                                   {"difference", one.difference},
                                   {"interval", {one.interval.low, one.interval.high}},
                                   {"p_value", one.p_value},
                                   {"p_holm", one.p_holm}});
  }
  return json;
}

std::string text_of(const Study& study, const StudyResults& results, const std::vector<Tested>& comparisons) {
  std::size_t width = 6;
  for (const std::string& name : results.names) {
    width = std::max(width, name.size());
  }
  std::string text = study.config.question.empty() ? "" : study.config.question + "\n";
  for (const std::string& domain : results.domains) {
    text += fmt::format("\n{:<{}}  f1 [95 % interval]      jaccard    prec  recall\n", domain, width);
    for (const std::string& name : results.names) {
      const auto& of_domain = results.figures.at(name);
      if (!of_domain.contains(domain)) {
        continue;
      }
      const bundle::Evaluation& e = of_domain.at(domain);
      const bundle::Interval f1 = e.intervals[static_cast<std::size_t>(Metric::kF1)];
      text += fmt::format("{:<{}}  {:.3f} [{:.3f}, {:.3f}]    {:.3f}   {:.3f}   {:.3f}\n", name, width,
                          e.values[kShown[0]], f1.low, f1.high, e.values[kShown[1]], e.values[kShown[2]],
                          e.values[kShown[3]]);
    }
  }
  for (const Tested& one : comparisons) {
    if (&one == &comparisons.front()) {
      text += "\ndifference [95 % interval], p corrected for all of them (Holm)\n";
    }
    text += fmt::format("{} - {}, {}, {}: {:+.3f} [{:+.3f}, {:+.3f}], p {:.4f}\n", one.pair->a, one.pair->b,
                        one.domain, metric_name(one.metric), one.difference, one.interval.low,
                        one.interval.high, one.p_holm);
  }
  return text;
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

Step step_of_study(const Study& study, std::span<const std::unique_ptr<Experiment>> experiments) {
  Step step{{StepKind::kCompare, study.name}, {}, {}, {}, {}};
  step.settings["study.question"] = study.config.question;
  std::vector<std::string> pairs;
  for (const ComparisonConfig& pair : study.config.compare) {
    pairs.push_back(pair.a + " - " + pair.b);
  }
  step.settings["study.compare"] = fmt::format("{}", fmt::join(pairs, ", "));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    names.push_back(study.points[i].name);
    step.inputs.push_back({StepKind::kEvaluate, study.points[i].name});
    step.input_keys[to_string(step.inputs.back())] = experiments[i]->step({StepKind::kEvaluate}).key;
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

void compare_step(const Study& study, std::span<const std::unique_ptr<Experiment>> experiments) {
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
    io::write_json(folder / "study.json", study_json(study, experiments, results, comparisons));
    write_file_atomic(folder / "study.txt", text_of(study, results, comparisons));
    store.close(step, io::Json::object());
  }
  for (const char* name : {"study.json", "study.txt"}) {
    make_link(folder / name, study.folder / name);
  }
}

std::string outcome(const Study& study, std::span<const std::unique_ptr<Experiment>> experiments) {
  if (!study.alone) {
    return fmt::format("{}\nfiles: {}\n", read_file(study.folder / "study.txt"),
                       (study.folder / "study.json").string());
  }
  const Experiment& experiment = *experiments.front();
  const fs::path folder = experiment.folder();
  return experiment.has_sessions() ? fmt::format("{}page: {}\n", read_file(folder / "summary.txt"),
                                                 (folder / "results.html").string())
                                   : fmt::format("experts: {}\nrouter: {}\n", (folder / "experts").string(),
                                                 (folder / "router").string());
}

}  // namespace routedk::workflow
