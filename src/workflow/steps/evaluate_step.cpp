#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/progress.h"
#include "routedk/eval/results.h"
#include "routedk/eval/verifier.h"
#include "routedk/workflow/steps/answer_setting.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>

#include "results_files.h"
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

using bundle::Session;
using eval::SystemResult;

template <typename T>
std::vector<T> or_usual(const std::vector<T>& list, const T& usual) {
  return list.empty() ? std::vector{usual} : list;
}

/// Every utility of `eval.utility` under every expectation of `eval.expectation`, where the rule needs them.
std::vector<eval::UtilityOptions> utilities_of(const ExperimentConfig& config, eval::SelectRule rule) {
  if (rule != eval::SelectRule::kExpectedUtility) {
    return {eval::UtilityOptions()};
  }
  std::vector<eval::UtilityOptions> options;
  for (const auto utility : or_usual(config.eval.utility, config.decode.utility)) {
    for (const auto expectation : or_usual(config.eval.expectation, config.decode.expectation)) {
      options.push_back({utility, expectation});
    }
  }
  return options;
}

/// Every rule of `eval.select` under every number of `eval.samples`.
std::vector<eval::Choice> choices_of(const ExperimentConfig& config) {
  std::vector<eval::Choice> choices;
  for (const auto rule : or_usual(config.eval.select, config.decode.select)) {
    for (const eval::UtilityOptions& utility : utilities_of(config, rule)) {
      for (const auto count : or_usual(config.eval.samples, config.decode.samples)) {
        choices.push_back({rule, count, utility});
      }
    }
  }
  return choices;
}

/// Every choice from the candidates of the one that wants most.
eval::AnswerSetting setting_of(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  eval::AnswerSetting setting = answer_setting(c.decode, experiment.templates(), experiment.encoder());
  setting.choices = choices_of(c);
  setting.generate.samples =
      std::max_element(setting.choices.begin(), setting.choices.end(), [](const auto& a, const auto& b) {
        return a.samples < b.samples;
      })->samples;
  return setting;
}

bool wants_verifier(const std::vector<eval::Choice>& choices) {
  return std::any_of(choices.begin(), choices.end(),
                     [](const auto& choice) { return choice.rule == eval::SelectRule::kVerifier; });
}

/// A system and how its products are computed.
struct Answerer {
  Answerer(System loaded, decode::Kernels kernels)
      : system(std::move(loaded)), decoder(system.model, kernels) {}
  System system;
  decode::Decoder decoder;
};

std::vector<eval::SessionAnswer> answer(const Answerer& answerer, const std::string& what,
                                        const std::vector<Session>& sessions,
                                        const eval::AnswerSetting& setting,
                                        const std::filesystem::path& file) {
  Progress progress(what, static_cast<std::int64_t>(sessions.size()), "sessions");
  std::int64_t before = 0;
  auto answers = eval::answer_sessions(answerer.decoder, *answerer.system.gate, sessions, setting, file,
                                       [&](std::int64_t done) {
                                         progress.advance(done - before);
                                         before = done;
                                       });
  progress.finish();
  return answers;
}

/// Trained on the system's own candidates for the router's training sessions: with `router.data: holdout`
/// those that no expert knows by heart.
eval::Verifier verifier_of(const Experiment& experiment, const Answerer& answerer, const std::string& name) {
  const auto folder = experiment.verifier_folder(name);
  if (std::filesystem::exists(folder)) {
    return eval::Verifier::load(folder, answerer.decoder.model().backbone().config().hidden);
  }
  std::filesystem::create_directories(folder.parent_path());
  const auto sessions =
      bundle::evenly_spread(learning_sessions(experiment).router, experiment.config().eval.verifier_sessions);
  eval::AnswerSetting setting = setting_of(experiment);
  setting.choices.clear();
  setting.generate.pool_hidden = true;
  const auto answers = answer(answerer, "verifier of " + name, sessions, setting,
                              std::filesystem::path(folder).concat(".jsonl"));
  eval::Verifier verifier = eval::Verifier::train(sessions, answers);
  const eval::VerifierReport& r = verifier.report();
  spdlog::info("verifier of {}: F {:.3f} on sessions held out of {}, any candidate {:.3f}, the best {:.3f}",
               name, r.selected_f1, r.sessions, r.mean_f1, r.oracle_f1);
  verifier.save(folder);
  return verifier;
}

std::vector<SystemResult> run_system(const Experiment& experiment, const experts::RoutedModel& routed,
                                     const std::string& name, const std::vector<Session>& sessions,
                                     const bundle::BootstrapOptions& bootstrap) {
  if (is_predictions(name)) {
    return {eval::score_predictions(name, sessions, load_predictions(experiment, name), bootstrap)};
  }
  const Answerer answerer(load_system(experiment, routed, name), experiment.config().decode.kernels);
  spdlog::info("{}: decoding in {}", name, answerer.decoder.path());
  eval::AnswerSetting setting = setting_of(experiment);
  std::optional<eval::Verifier> verifier;
  if (wants_verifier(setting.choices)) {
    verifier = verifier_of(experiment, answerer, name);
    setting.verifier = &*verifier;
  }
  const auto answers = answer(answerer, "answer " + name, sessions, setting, experiment.answers_file(name));
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
  require_sessions(experiment, "evaluate");
  check_systems(experiment);
  const ExperimentConfig& c = experiment.config();
  for (const std::string& name : c.experts) {
    require_done(experiment, "train-" + name, "routedk-train");
  }
  if (std::any_of(c.eval.systems.begin(), c.eval.systems.end(), takes_router)) {
    require_done(experiment, "router", "routedk-train-router");
  }
  if (!trained_controls(c).empty()) {
    require_done(experiment, "controls", "routedk-train-router");
  }
  if (!begin_step(experiment, "evaluate")) {
    return;
  }
  const auto sessions = evaluated_sessions(experiment);
  const experts::RoutedModel model = experiment.routed_model();
  const bundle::BootstrapOptions bootstrap{c.decode.seed, static_cast<int>(c.eval.resamples)};
  std::filesystem::create_directories(experiment.folder() / "answers");
  std::vector<SystemResult> systems;
  for (const std::string& system : c.eval.systems) {
    auto results = run_system(experiment, model, system, sessions, bootstrap);
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
  mark_done(experiment, {"evaluate"});
}

}  // namespace routedk::workflow
