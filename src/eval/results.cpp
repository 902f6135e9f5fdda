#include "routedk/eval/results.h"

#include "routedk/bundle/predictions.h"

#include <algorithm>
#include <map>
#include <numeric>

#include <fmt/format.h>

namespace routedk::eval {
namespace {

io::Json json_of(const bundle::Interval& interval) {
  return io::Json::array({interval.low, interval.high});
}

/// The outcome of choice number `c` in each session.
std::vector<bundle::Prediction> predictions(std::span<const SessionAnswer> answers, std::size_t c) {
  std::vector<bundle::Prediction> all;
  std::transform(answers.begin(), answers.end(), std::back_inserter(all),
                 [c](const SessionAnswer& answer) { return answer.selections.at(c).prediction; });
  return all;
}

/// The expected utility of choice number `c` in each session.
std::map<bundle::SessionId, double> expectations(std::span<const SessionAnswer> answers, std::size_t c) {
  std::map<bundle::SessionId, double> all;
  for (const SessionAnswer& answer : answers) {
    if (const auto& own = answer.selections.at(c).expected_utility) {
      all[answer.session] = *own;
    }
  }
  return all;
}

std::int64_t most_samples(std::span<const SessionAnswer> answers) {
  std::size_t most = 0;
  for (const SessionAnswer& answer : answers) {
    most = std::max(most, answer.candidates.size());
  }
  return static_cast<std::int64_t>(most);
}

double seconds_of(std::span<const SessionAnswer> answers) {
  return std::accumulate(answers.begin(), answers.end(), 0.0,
                         [](double sum, const SessionAnswer& answer) { return sum + answer.seconds; });
}

void add_choice(const SystemResult& system, io::Json& json) {
  json["select"] = name_of(system.choice->rule);
  json["samples"] = system.choice->samples;
  if (system.choice->rule != SelectRule::kExpectedUtility) {
    return;
  }
  json["utility"] = name_of(system.choice->utility.utility);
  json["expectation"] = name_of(system.choice->utility.expectation);
  io::Json sessions = io::Json::object();
  double sum = 0.0;
  for (const auto& [session, expected] : system.expected_utility) {
    sessions[std::to_string(session)] = expected;
    sum += expected;
  }
  json["expected_utility"] = {
      {"mean", sum / static_cast<double>(std::max<std::size_t>(system.expected_utility.size(), 1))},
      {"sessions", sessions}};
}

void add_samples(const SampleFigures& sampled, io::Json& json) {
  json["pair_auc"] = sampled.pair_auc.value;
  json["intervals"]["pair_auc"] = json_of(sampled.pair_auc.interval);
  json["oracle"] = bundle::to_json(sampled.oracle);
  json["overlap"] = nullptr;
  if (sampled.overlap) {
    json["overlap"] = {{"equality", sampled.overlap->equality}, {"jaccard", sampled.overlap->jaccard}};
  }
  json["candidates_parsed"] = sampled.parsed;
}

}  // namespace

std::string result_name(const std::string& system, const Choice& choice, const Choice& usual) {
  std::string name = system;
  if (choice.rule != usual.rule) {
    name += fmt::format(" {}", choice.rule);
  }
  if (choice.rule == SelectRule::kExpectedUtility && choice.utility.utility != usual.utility.utility) {
    name += fmt::format(" utility={}", choice.utility.utility);
  }
  if (choice.rule == SelectRule::kExpectedUtility &&
      choice.utility.expectation != usual.utility.expectation) {
    name += fmt::format(" expectation={}", choice.utility.expectation);
  }
  return choice.samples == usual.samples ? name : name + fmt::format(" n={}", choice.samples);
}

namespace {

/// For the sessions that have candidates.
std::vector<Confidence> confidences(std::span<const SessionAnswer> answers, std::size_t choice) {
  std::vector<Confidence> all;
  for (const SessionAnswer& answer : answers) {
    if (!answer.candidates.empty()) {
      all.push_back({answer.selections[choice].share, answer.selections[choice].hit});
    }
  }
  return all;
}

io::Json to_json(const Calibration& calibration) {
  io::Json bins = io::Json::array();
  for (const CalibrationBin& bin : calibration.bins) {
    bins.push_back({{"share", bin.share}, {"hit", bin.hit}, {"answers", bin.answers}});
  }
  return {{"ece", calibration.ece}, {"bins", bins}};
}

}  // namespace

std::vector<SystemResult> score_answers(const std::string& system, std::span<const bundle::Session> sessions,
                                        std::span<const SessionAnswer> answers, const ScoreSetting& setting) {
  std::vector<SystemResult> results;
  std::map<std::int64_t, std::shared_ptr<const SampleFigures>> sampled;
  const std::size_t choices = answers.empty() ? 0 : answers.front().selections.size();
  for (std::size_t c = 0; c < choices; ++c) {
    const Choice choice = answers.front().selections[c].choice;
    SystemResult result = score_predictions(system, sessions, predictions(answers, c), setting.bootstrap);
    result.name = result_name(system, choice, setting.usual);
    result.choice = choice;
    result.expected_utility = expectations(answers, c);
    auto& figures = sampled[choice.samples];
    if (figures == nullptr) {
      figures = std::make_shared<const SampleFigures>(
          sample_figures(sessions, answers, choice.samples, setting.bootstrap));
    }
    result.sampled = figures;
    result.calibration = calibration(confidences(answers, c));
    result.seconds = choice.samples < most_samples(answers) ? 0.0 : seconds_of(answers);
    if (setting.mixes && c == 0) {
      result.routing = routing_by_layer(answers);
      if (!setting.traits.empty()) {
        result.alpha_with = alpha_with_traits(answers, setting.traits);
      }
    }
    results.push_back(std::move(result));
  }
  return results;
}

SystemResult score_predictions(const std::string& system, std::span<const bundle::Session> sessions,
                               std::span<const bundle::Prediction> predictions,
                               const bundle::BootstrapOptions& bootstrap) {
  SystemResult result;
  result.name = system;
  result.system = system;
  result.runs = {bundle::score_sessions(sessions, predictions)};
  result.figures = bundle::evaluate(result.runs, bootstrap);
  result.patterns = answer_patterns(sessions, predictions);
  return result;
}

SystemResult score_baseline_system(const std::string& name, std::span<const bundle::Session> sessions,
                                   const bundle::TfIdf& titles, const bundle::BootstrapOptions& bootstrap) {
  SystemResult result;
  result.name = name;
  result.system = name;
  result.baseline = true;
  result.runs = bundle::score_baseline(name, sessions, titles, bootstrap.seed);
  result.figures = bundle::evaluate(result.runs, bootstrap);
  return result;
}

io::Json to_json(const SystemResult& system) {
  io::Json json = bundle::to_json(system.figures);
  json["baseline"] = system.baseline;
  json["system"] = system.system;
  if (system.choice) {
    add_choice(system, json);
  }
  if (system.sampled) {
    add_samples(*system.sampled, json);
  }
  if (system.patterns) {
    json["patterns"] = {{"sessions", system.patterns->sessions},
                        {"whole", system.patterns->whole},
                        {"alike", system.patterns->alike},
                        {"commonest", system.patterns->commonest}};
    json["warnings"] = system.warnings;
  }
  if (system.calibration) {
    json["calibration"] = to_json(*system.calibration);
  }
  json["seconds"] = system.seconds;
  if (!system.routing.empty()) {
    json["routing"] = to_json(system.routing);
    for (std::size_t t = 0; t < system.alpha_with.size(); ++t) {
      json["alpha_with"][std::string(kTraitNames[t])] = system.alpha_with[t];
    }
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

}  // namespace routedk::eval
