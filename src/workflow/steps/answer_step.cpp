#include "routedk/core/progress.h"
#include "routedk/eval/verifier.h"
#include "routedk/workflow/steps/answer_setting.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/systems.h"

#include <optional>
#include <utility>

#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

using bundle::Session;

/// As many candidates as any choice wants; none is chosen yet.
eval::AnswerSetting candidates_of(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  eval::AnswerSetting setting = answer_setting(c.decode, experiment.templates(), experiment.encoder());
  setting.choices.clear();
  setting.generate.samples = most_samples(c);
  return setting;
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
  const auto sessions =
      bundle::evenly_spread(learning_sessions(experiment).router, experiment.config().eval.verifier_sessions);
  eval::AnswerSetting setting = candidates_of(experiment);
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

}  // namespace

void answer_step(Experiment& experiment, const std::string& system) {
  require_sessions(experiment, StepKind::kAnswer);
  const StepId id{StepKind::kAnswer, system};
  for (const StepId& input : experiment.step(id).inputs) {
    require_done(experiment, input,
                 input.kind == StepKind::kTrain ? "routedk-train" : "routedk-train-router");
  }
  if (!begin_step(experiment, id)) {
    return;
  }
  const Answerer answerer(load_system(experiment, system), experiment.config().decode.kernels);
  spdlog::info("{}: decoding in {}", system, answerer.decoder.path());
  eval::AnswerSetting setting = candidates_of(experiment);
  std::optional<eval::Verifier> verifier;
  if (wants_verifier(experiment.config())) {
    verifier = verifier_of(experiment, answerer, system);
    setting.verifier = &*verifier;
  }
  answer(answerer, "answer " + system, evaluated_sessions(experiment), setting,
         experiment.answers_file(system));
  mark_done(experiment, {id});
}

}  // namespace routedk::workflow
