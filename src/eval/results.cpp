#include "routedk/eval/results.h"

#include "routedk/bundle/predictions.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace routedk::eval {
namespace {

using bundle::Metric;

struct Column {
  const char* title;
  Metric metric;
};
constexpr std::array<Column, 9> kColumns = {{{"prec_all", Metric::kPrecisionAll},
                                             {"rec_dist_all", Metric::kRecallDistinctAll},
                                             {"precision", Metric::kPrecision},
                                             {"recall", Metric::kRecall},
                                             {"coverage", Metric::kCoverage},
                                             {"jaccard_f1", Metric::kJaccardF1},
                                             {"exact", Metric::kExactMatch},
                                             {"bundles", Metric::kBundlesPerSession},
                                             {"parsed", Metric::kParseRate}}};

io::Json json_of(const bundle::Interval& interval) {
  return io::Json::array({interval.low, interval.high});
}

std::vector<bundle::Prediction> predictions(std::span<const SessionAnswer> answers) {
  std::vector<bundle::Prediction> all;
  std::transform(answers.begin(), answers.end(), std::back_inserter(all),
                 [](const SessionAnswer& answer) { return answer.prediction; });
  return all;
}

}  // namespace

SystemResult score_answers(const std::string& name, std::span<const bundle::Session> sessions,
                           std::span<const SessionAnswer> answers, bool mixes,
                           const bundle::BootstrapOptions& bootstrap) {
  SystemResult result;
  result.name = name;
  result.runs = {bundle::score_sessions(sessions, predictions(answers))};
  result.figures = bundle::evaluate(result.runs, bootstrap);
  std::vector<std::vector<bundle::RankedPair>> pairs;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    pairs.push_back(bundle::candidate_pairs(sessions[i], answers[i].candidates));
    result.seconds += answers[i].seconds;
  }
  result.pair_auc = bundle::pair_auc(pairs, bootstrap);
  if (mixes) {
    result.routing = routing_by_layer(answers);
  }
  return result;
}

SystemResult score_floor_system(const std::string& name, std::span<const bundle::Session> sessions,
                                const bundle::TfIdf& titles, const bundle::BootstrapOptions& bootstrap) {
  SystemResult result;
  result.name = name;
  result.floor = true;
  result.runs = bundle::score_floor(name, sessions, titles, bootstrap.seed);
  result.figures = bundle::evaluate(result.runs, bootstrap);
  return result;
}

io::Json to_json(const SystemResult& system) {
  io::Json json = bundle::to_json(system.figures);
  json["floor"] = system.floor;
  if (system.pair_auc) {
    json["pair_auc"] = system.pair_auc->value;
    json["intervals"]["pair_auc"] = json_of(system.pair_auc->interval);
  }
  json["seconds"] = system.seconds;
  if (!system.routing.empty()) {
    json["routing"] = to_json(system.routing);
  }
  return json;
}

io::Json compare_systems(const SystemResult& a, const SystemResult& b,
                         const bundle::BootstrapOptions& bootstrap) {
  const bundle::Comparison comparison = bundle::compare(a.runs, b.runs, bootstrap);
  io::Json json = {{"a", a.name}, {"b", b.name}};
  for (std::size_t m = 0; m < bundle::kMetrics; ++m) {
    json[std::string(bundle::kMetricNames[m])] = {{"difference", comparison.difference[m]},
                                                  {"interval", json_of(comparison.intervals[m])},
                                                  {"p_value", comparison.p_value[m]}};
  }
  return json;
}

std::string results_table(std::span<const SystemResult> systems) {
  std::string table = fmt::format("{:<15}", "system");
  for (const Column& column : kColumns) {
    table += fmt::format(" {:>12}", column.title);
  }
  table += fmt::format(" {:>12} {:>9}\n", "pair_auc", "seconds");
  for (const SystemResult& system : systems) {
    table += fmt::format("{:<15}", system.name);
    for (const Column& column : kColumns) {
      table += fmt::format(" {:>12.3f}", system.figures.values[column.metric]);
    }
    table +=
        system.pair_auc ? fmt::format(" {:>12.3f}", system.pair_auc->value) : fmt::format(" {:>12}", "-");
    table += system.floor ? fmt::format(" {:>9}\n", "-") : fmt::format(" {:>9.1f}\n", system.seconds);
  }
  return table;
}

}  // namespace routedk::eval
