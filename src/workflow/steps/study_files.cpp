#include "study_files.h"

#include "routedk/bundle/predictions.h"
#include "routedk/core/display.h"
#include "routedk/core/utc.h"
#include "routedk/eval/results.h"
#include "routedk/eval/table.h"
#include "routedk/io/json_field.h"
#include "routedk/io/safetensors.h"

#include <algorithm>
#include <map>
#include <numeric>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;
using bundle::Metric;

constexpr std::array kShown = {Metric::kF1, Metric::kJaccardF1, Metric::kPrecisionAll,
                               Metric::kRecallDistinctAll};

std::string metric_name(Metric metric) {
  return std::string(bundle::kMetricNames[static_cast<std::size_t>(metric)]);
}

/// A point's own results besides the metrics: routing, overlap, calibration and the like.
io::Json facts_of(const Experiment& experiment) {
  static constexpr std::array kKept = {"select",      "samples",  "utility",  "expectation",
                                       "pair_auc",    "overlap",  "seconds",  "routing",
                                       "calibration", "patterns", "warnings", "alpha_with"};
  const io::JsonField systems =
      io::read_json_field(experiment.step_folder({StepKind::kEvaluate}) / "results.json")["systems"];
  systems.require(systems.value().is_object(), "be an object");
  io::Json facts = io::Json::object();
  for (const auto& [name, ignored] : systems.value().items()) {
    const io::JsonField system = systems[name];
    const bool baseline = system["baseline"].boolean(false);
    for (const char* member : kKept) {
      if (system.value().contains(member) && !baseline) {
        facts[name][member] = system[member].value();
      }
    }
    if (!system["oracle"].absent()) {
      facts[name]["oracle_f1"] = system["oracle"]["f1"].real();
    }
  }
  return facts;
}

/// The number of parameters that a step has trained: those in its safetensors files.
std::uint64_t trained_parameters(const fs::path& step_folder) {
  std::uint64_t numbers = 0;
  for (const auto& entry : fs::recursive_directory_iterator(step_folder)) {
    const bool checkpoint = *entry.path().lexically_relative(step_folder).begin() == "checkpoints";
    if (!checkpoint && entry.path().extension() == ".safetensors") {
      const auto file = io::SafetensorsFile::open(entry.path());
      for (const auto& [name, tensor] : file.tensors()) {
        numbers += io::tensor_bytes(tensor) / io::dtype_size(tensor.dtype);
      }
    }
  }
  return numbers;
}

/// The store's record of a step; empty if there is none.
io::JsonField record_of(const Experiment& experiment, const Step& step) {
  auto record = experiment.store().record(step);
  return record ? std::move(*record) : io::JsonField(io::Json::object(), to_string(step.id));
}

/// Time and memory of the steps that a point depends on, and the parameters that they trained.
io::Json costs_of(const Experiment& experiment) {
  io::Json costs = io::Json::array();
  for (const Step* step : needed_steps(experiment.steps())) {
    const io::JsonField record = record_of(experiment, *step);
    costs.push_back({{"step", to_string(step->id)},
                     {"key", step->key},
                     {"seconds", record["seconds"].real_or(0.0)},
                     {"work", record["work"].real_or(0.0)},
                     {"peak_memory_mib", record["peak_memory_mib"].real_or(0.0)}});
    if (step->id.kind == StepKind::kTrain || step->id.kind == StepKind::kRouter) {
      costs.back()["trained_parameters"] = trained_parameters(experiment.step_folder(step->id));
    }
  }
  return costs;
}

/// {"train": [[step, nats per token]], "validation": [[step, nats per token]]} of the router's likelihood;
/// steps repeated after a resume count once.
io::Json router_losses(const fs::path& step_folder) {
  std::map<std::string, std::map<std::int64_t, double>> losses;
  io::read_records(step_folder / "metrics.jsonl", [&](const io::JsonField& line) {
    for (const auto& [member, name] : {std::pair("token_loss", "train"), {"validation_loss", "validation"}}) {
      if (line["job"].is("router") && !line[member].absent()) {
        losses[name][line["step"].integer(0)] = line[member].real();
      }
    }
  });
  io::Json json = io::Json::object();
  for (const auto& [name, by_step] : losses) {
    for (const auto& [step, loss] : by_step) {
      json[name].push_back({step, loss});
    }
  }
  return json;
}

/// For a point whose results depend on a router.
io::Json losses_of(const Experiment& experiment) {
  for (const Step* step : needed_steps(experiment.steps())) {
    if (step->id.kind == StepKind::kRouter) {
      return {{"router", router_losses(experiment.step_folder(step->id))}};
    }
  }
  return io::Json::object();
}

/// When and with what it was made; `seconds` sums all steps that the study depends on, each once.
io::Json made_by(const Study& study, PointExperiments experiments) {
  std::map<std::string, double> seconds;  // by key
  io::Json versions;
  for (const auto& experiment : experiments) {
    for (const Step* step : needed_steps(experiment->steps())) {
      const io::JsonField record = record_of(*experiment, *step);
      seconds[step->key] = record["seconds"].real_or(0.0);
      versions = record["versions"].value();
    }
  }
  const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0,
                                     [](double all, const auto& step) { return all + step.second; });
  constexpr std::size_t kDate = 10;
  return {{"date", utc_now().substr(0, kDate)},
          {"command", study.command},
          {"seconds", sum},
          {"versions", std::move(versions)}};
}

}  // namespace

io::Json study_json(const Study& study, PointExperiments experiments, const StudyResults& results,
                    const std::vector<Tested>& comparisons) {
  io::Json json = {
      {"study", study.name}, {"question", study.config.question}, {"made", made_by(study, experiments)}};
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
                              {"steps", costs_of(*experiments[i])},
                              {"losses", losses_of(*experiments[i])}});
    if (point.config.watch.conflict > 0) {
      json["points"].back()["conflict"] =
          io::read_json(experiments[i]->step_folder({StepKind::kConflict}) / "conflict.json");
    }
    if (point.config.watch.probe) {
      json["points"].back()["probe"] =
          io::read_json(experiments[i]->step_folder({StepKind::kProbe}) / "probe.json");
    }
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

namespace {

/// The results of one domain.
eval::Table domain_table(const StudyResults& results, const std::string& domain) {
  eval::Table table;
  for (const Metric metric : kShown) {
    table.columns.push_back({metric_name(metric), eval::Better::kHigher});
  }
  table.columns.front().meaning = eval::kMeaningOfF1;
  for (const std::string& name : results.names) {
    const auto found = results.figures.at(name).find(domain);
    if (found == results.figures.at(name).end()) {
      continue;
    }
    std::vector<eval::Cell> cells;
    cells.reserve(std::size(kShown));
    for (const Metric metric : kShown) {
      cells.push_back(
          {found->second.values[metric], found->second.intervals[static_cast<std::size_t>(metric)]});
    }
    table.rows.push_back({name, is_baseline_name(name), std::move(cells)});
  }
  return table;
}

/// "food, 180 sessions of the test split, 3 seeds; vote of 8 candidates": what all points share.
std::string heading_of(const Study& study, const StudyResults& results, const std::string& domain) {
  const auto same = [&](const auto& value_of) {
    return std::all_of(study.points.begin(), study.points.end(), [&](const Point& point) {
      return value_of(point.config) == value_of(study.points.front().config);
    });
  };
  const auto found = std::find_if(results.names.begin(), results.names.end(), [&](const std::string& name) {
    return results.runs.at(name).contains(domain);
  });
  const bundle::Runs& runs = results.runs.at(*found).at(domain);
  const ExperimentConfig& c = study.points.front().config;
  std::string text = fmt::format("{}, {}", domain, counted(std::ssize(runs.front()), "session"));
  if (same([](const ExperimentConfig& one) { return one.eval.split; })) {
    text += fmt::format(" of the {} split", name_of(c.eval.split));
  }
  if (runs.size() > 1) {
    text += fmt::format(", {} seeds", runs.size());
  }
  if (same([](const ExperimentConfig& one) { return std::pair(one.decode.select, one.decode.samples); })) {
    text += fmt::format("; {} of {} where a name says nothing else", name_of(c.decode.select),
                        counted(c.decode.samples, "candidate"));
  }
  return text;
}

eval::Table comparison_table(const std::vector<Tested>& comparisons) {
  const auto word = [](std::string text) { return eval::Cell{{}, {}, 0, std::move(text)}; };
  eval::Table table;
  table.labels = 2;
  table.columns = {
      {"domain"},
      {"metric"},
      {"difference"},
      {"p_holm", eval::Better::kNeither, "p-value, corrected for all comparisons of the study (Holm)"}};
  for (const Tested& one : comparisons) {
    table.rows.push_back({fmt::format("{} - {}", one.pair->a, one.pair->b),
                          false,
                          {word(one.domain),
                           word(metric_name(one.metric)),
                           {one.difference, one.interval},
                           {one.p_holm, {}, 4}}});
  }
  return table;
}

}  // namespace

std::string study_text(const Study& study, const StudyResults& results,
                       const std::vector<Tested>& comparisons) {
  std::string text = study.config.question.empty() ? "" : study.config.question + "\n";
  for (const std::string& domain : results.domains) {
    text += fmt::format("\n{}\n{}", heading_of(study, results, domain),
                        eval::text_table(domain_table(results, domain)));
  }
  if (!comparisons.empty()) {
    text += "\n" + eval::text_table(comparison_table(comparisons));
  }
  return text;
}

}  // namespace routedk::workflow
