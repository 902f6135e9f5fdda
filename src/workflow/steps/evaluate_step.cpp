#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/eval/results.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/steps/answer_setting.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "results_files.h"
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

using bundle::Session;
using eval::SystemResult;

/// A system's candidates with what every rule chooses among them, which stays in the evaluation's `answers`.
std::vector<eval::SessionAnswer> chosen_answers(const Experiment& experiment, const std::string& system,
                                                const std::vector<Session>& sessions,
                                                const std::vector<eval::Choice>& choices) {
  const std::filesystem::path file = experiment.answers_file(system);
  std::map<bundle::SessionId, eval::SessionAnswer> found;
  io::read_jsonl(file, [&](const io::Json& line, std::int64_t number) {
    auto answer = eval::session_answer_from_json(line, fmt::format("{}:{}", file.string(), number));
    const bundle::SessionId session = answer.session;
    found[session] = std::move(answer);
  });
  std::vector<eval::SessionAnswer> answers;
  std::string lines;
  for (const Session& session : sessions) {
    const auto answer = found.find(session.id);
    if (answer == found.end()) {
      throw_<FileError>("answers must be of all evaluated sessions, but {} has none of session {}",
                        file.string(), session.id);
    }
    eval::choose(session, choices, answer->second);
    lines += eval::to_json(answer->second).dump() + "\n";
    answers.push_back(std::move(answer->second));
  }
  write_file_atomic(
      experiment.step_folder({StepKind::kEvaluate}) / "answers" / (file_word(system) + ".jsonl"), lines);
  return answers;
}

std::vector<SystemResult> results_of(const Experiment& experiment, const std::string& name,
                                     const std::vector<Session>& sessions,
                                     const bundle::BootstrapOptions& bootstrap) {
  if (is_predictions(name)) {
    return {eval::score_predictions(name, sessions, load_predictions(experiment, name), bootstrap)};
  }
  const auto answers = chosen_answers(experiment, name, sessions, choices_of(experiment.config()));
  return eval::score_answers(name, sessions, answers,
                             {usual_choice(experiment.config().decode), mixes(name), bootstrap});
}

void warn_of_collapse(std::vector<SystemResult>& results, double random_f1) {
  for (SystemResult& result : results) {
    result.warnings =
        eval::collapse_signs(*result.patterns, result.figures.values[bundle::Metric::kF1], random_f1);
    for (const std::string& sign : result.warnings) {
      spdlog::warn("{} {}", result.name, sign);
    }
  }
}

}  // namespace

void evaluate_step(Experiment& experiment) {
  require_sessions(experiment, StepKind::kEvaluate);
  check_systems(experiment);
  for (const StepId& input : experiment.step({StepKind::kEvaluate}).inputs) {
    if (!is_done(experiment, input)) {
      answer_step(experiment, input.name);
    }
  }
  if (!begin_step(experiment, {StepKind::kEvaluate})) {
    return;
  }
  const ExperimentConfig& c = experiment.config();
  const auto sessions = evaluated_sessions(experiment);
  const bundle::BootstrapOptions bootstrap{c.decode.seed, static_cast<int>(c.eval.resamples)};
  std::filesystem::create_directories(experiment.step_folder({StepKind::kEvaluate}) / "answers");
  std::vector<SystemResult> systems;
  for (const std::string& system : c.eval.systems) {
    auto results = results_of(experiment, system, sessions, bootstrap);
    std::move(results.begin(), results.end(), std::back_inserter(systems));
  }
  const auto random =
      bundle::evaluate(eval::random_model(sessions, experiment.encoder(), c.decode.seed), bootstrap);
  warn_of_collapse(systems, random.values[bundle::Metric::kF1]);
  const bundle::TfIdf titles(experiment.dataset().titles);
  for (const std::string_view baseline : bundle::kBaselineNames) {
    systems.push_back(eval::score_baseline_system(std::string(baseline), sessions, titles, bootstrap));
  }
  write_results(experiment, {sessions.size(), systems, random, bootstrap});
  mark_done(experiment, {{StepKind::kEvaluate}});
}

}  // namespace routedk::workflow
