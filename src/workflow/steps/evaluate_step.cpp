#include "routedk/bundle/answer.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/eval/results.h"
#include "routedk/io/jsonl.h"
#include "routedk/train/failure_signs.h"
#include "routedk/workflow/steps/answer_setting.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "results_files.h"
#include "task_steps.h"
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

using bundle::Session;
using eval::SystemResult;

/// A system's candidates with the choice of every rule; also written to the evaluation's `answers`.
std::vector<eval::SessionAnswer> chosen_answers(const Experiment& experiment, const std::string& system,
                                                const std::vector<Session>& sessions,
                                                const std::vector<eval::Choice>& choices) {
  const std::filesystem::path file = experiment.answers_file(system);
  eval::AnswersBySession found = eval::read_answers(file);
  std::vector<eval::SessionAnswer> answers;
  std::string lines;
  for (const Session& session : sessions) {
    const auto answer = found.find(session.id);
    if (answer == found.end()) {
      throw_<FileError>("answers must be of all evaluated sessions, but {} has none of session {}",
                        file.string(), session.id);
    }
    eval::choose_again(session, choices, answer->second, file);
    lines += eval::to_json(answer->second).dump() + "\n";
    answers.push_back(std::move(answer->second));
  }
  write_file_atomic(
      experiment.step_folder({StepKind::kEvaluate}) / "answers" / (file_word(system) + ".jsonl"), lines);
  return answers;
}

/// The sessions, and what is known about them before they are answered.
struct Asked {
  std::vector<Session> sessions;
  std::vector<eval::SessionTraits> traits;
  bundle::BootstrapOptions bootstrap;
};

Asked asked_of(const Experiment& experiment, const bundle::TfIdf& titles) {
  const ExperimentConfig& c = experiment.config();
  Asked asked{evaluated_sessions(experiment), {}, {c.decode.seed, static_cast<int>(c.eval.resamples)}};
  asked.traits = eval::traits_of(asked.sessions, titles);
  return asked;
}

/// sessions.json: questions and gold for the report; the traits with which a study explains its comparisons;
/// and what results_of adds.
io::Json json_of(const Asked& asked) {
  io::Json json = {{"sessions", io::Json::array()}, {"alpha_entropy", io::Json::object()}};
  for (const Session& session : asked.sessions) {
    json["sessions"].push_back(session.id);
    io::Json items = io::Json::array();
    io::Json titles = io::Json::array();
    for (const bundle::Item& item : session.items) {
      items.push_back(item.id);
      titles.push_back(item.title);
    }
    json["items"].push_back(std::move(items));
    json["titles"].push_back(std::move(titles));
    json["gold"].push_back(bundle::gold_answer(session));
  }
  for (std::size_t t = 0; t < eval::kTraitNames.size(); ++t) {
    for (const eval::SessionTraits& traits : asked.traits) {
      json["traits"][std::string(eval::kTraitNames[t])].push_back(traits[t]);
    }
  }
  return json;
}

/// The results of one system by every rule; adds the entropy of its alpha to the sessions' traits.
std::vector<SystemResult> results_of(const Experiment& experiment, const std::string& name,
                                     const Asked& asked, io::Json& of_sessions) {
  const auto& [sessions, traits, bootstrap] = asked;
  if (!has_candidates(name)) {
    return {eval::score_predictions(name, sessions, predictions_of(experiment, name), bootstrap)};
  }
  const auto answers = chosen_answers(experiment, name, sessions, choices_of(experiment.config()));
  if (mixes(name)) {
    for (const eval::SessionAnswer& answer : answers) {
      of_sessions["alpha_entropy"][name].push_back(eval::alpha_entropy(answer));
    }
  }
  auto results = eval::score_answers(
      name, sessions, answers, {usual_choice(experiment.config().decode), mixes(name), bootstrap, traits});
  if (name == router_system(experiment.config()) && !results.empty()) {
    results.front().warnings = train::routing_signs(results.front().routing);
  }
  return results;
}

/// Adds the signs of collapse in the answers.
void warn_of_collapse(std::vector<SystemResult>& results, double random_f1) {
  constexpr auto kF1 = static_cast<std::size_t>(bundle::Metric::kF1);
  for (SystemResult& result : results) {
    for (std::string& sign :
         eval::collapse_signs(*result.patterns, result.figures.values[bundle::Metric::kF1],
                              result.figures.intervals[kF1], random_f1)) {
      result.warnings.push_back(std::move(sign));
    }
    for (const std::string& sign : result.warnings) {
      spdlog::warn("{}: {}", eval::label_of(result), sign);
    }
  }
}

void evaluate_sessions(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  const bundle::TfIdf titles(experiment.dataset().titles);
  const Asked asked = asked_of(experiment, titles);
  const auto& [sessions, traits, bootstrap] = asked;
  const std::filesystem::path folder = experiment.step_folder({StepKind::kEvaluate});
  io::Json of_sessions = json_of(asked);
  std::vector<SystemResult> systems;
  for (const std::string& system : c.eval.systems) {
    auto results = results_of(experiment, system, asked, of_sessions);
    std::move(results.begin(), results.end(), std::back_inserter(systems));
  }
  const auto random =
      bundle::evaluate(eval::random_model(sessions, experiment.encoder(), c.decode.seed), bootstrap);
  warn_of_collapse(systems, random.values[bundle::Metric::kF1]);
  for (const std::string_view baseline : bundle::kBaselineNames) {
    systems.push_back(eval::score_baseline_system(std::string(baseline), sessions, titles, bootstrap));
  }
  io::write_json(folder / "sessions.json", of_sessions);
  write_results(experiment, {sessions.size(), systems, random, bootstrap});
}

}  // namespace

void evaluate_step(Experiment& experiment) {
  const StepId id{StepKind::kEvaluate};
  if (!experiment.evaluates()) {
    throw_<ConfigError>("an evaluation must have something to ask, but {} ({})", kNothingToEvaluate,
                        experiment.config().data.examples);
  }
  check_systems(experiment);
  require_sessions_to_ask(experiment);
  const std::vector<StepId>& inputs = experiment.step(id).inputs;
  for (const StepId& input : inputs) {  // all of them, before the first is answered
    if (input.kind == StepKind::kAnswer && !is_done(experiment, input)) {
      require_trained(experiment, input.name);
    }
  }
  for (const StepId& input : inputs) {
    const bool in_shards = !experiment.shard().whole() && input.kind != StepKind::kAnswer;
    if (is_done(experiment, input)) {
      experiment.link_step(input);  // another run of the store may have done it
    } else if (!in_shards || experiment.open_step(input)) {
      do_step(experiment, input);
    }
  }
  const bool whole = std::all_of(inputs.begin(), inputs.end(),
                                 [&](const StepId& input) { return is_done(experiment, input); });
  if (!experiment.shard().whole() && (!whole || !experiment.open_step(id))) {
    return;  // the last of the other shards does it
  }
  if (!begin_step(experiment, id)) {
    return;
  }
  std::filesystem::create_directories(experiment.step_folder(id) / "answers");
  if (experiment.has_sessions()) {
    evaluate_sessions(experiment);
  } else {
    evaluate_examples(experiment);
  }
  mark_done(experiment, {id});
}

}  // namespace routedk::workflow
