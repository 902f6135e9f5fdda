#include "routedk/core/error.h"
#include "routedk/core/evenly_spread.h"
#include "routedk/core/files.h"
#include "routedk/core/random.h"
#include "routedk/eval/router_stats.h"
#include "routedk/eval/verifier.h"
#include "routedk/workflow/steps/answer_setting.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "earlier_answers.h"
#include "shared_work.h"
#include "stoppable_progress.h"
#include "task_steps.h"
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

using bundle::Session;

/// As many candidates as the largest choice needs; none is chosen yet.
eval::AnswerSetting candidates_of(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  eval::AnswerSetting setting = answer_setting(c.decode, experiment.templates(), experiment.encoder());
  setting.choices.clear();
  setting.generate.samples = most_samples(c);
  return setting;
}

/// Each session's weights are those that the run's router gave the next session in a keyed order; with two or
/// more sessions, never its own. Needs the router's answers.
std::map<bundle::SessionId, at::Tensor> permuted_alpha(const Experiment& experiment, std::int64_t layers) {
  const std::filesystem::path file = experiment.answers_file(router_system(experiment.config()));
  const std::size_t experts = experiment.config().experts.size();
  std::vector<eval::SessionAnswer> routed;  // by session
  for (auto& [session, answer] : eval::read_answers(file)) {
    if (answer.alpha.empty()) {
      continue;
    }
    if (std::cmp_not_equal(answer.alpha.size(), layers) || answer.alpha.front().size() != experts) {
      throw_<FileError>("`alpha` must be [{},{}] for the model and its experts, but is [{},{}] instead ({}).",
                        layers, experts, answer.alpha.size(), answer.alpha.front().size(), file.string());
    }
    routed.push_back(std::move(answer));
  }
  if (routed.size() < 2) {
    throw_<ConfigError>("the system `permuted` must have 2 sessions or more to exchange weights, but has {}",
                        routed.size());
  }
  shuffle(routed, Random(experiment.config().decode.seed, "permuted"));
  std::map<bundle::SessionId, at::Tensor> alpha;
  for (std::size_t i = 0; i < routed.size(); ++i) {
    alpha[routed[i].session] = eval::alpha_tensor(routed[(i + 1) % routed.size()]);
  }
  return alpha;
}

/// A system and the kernels of its products.
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
  StoppableProgress progress(what, std::ssize(sessions), "sessions");
  auto answers = eval::answer_sessions(answerer.decoder, *answerer.system.gate, sessions, setting, file,
                                       [&](std::int64_t done) { progress.reached(done); });
  progress.finish();
  return answers;
}

/// Trained on the system's own candidates for the router's training sessions: with `router.data: holdout`,
/// those that no expert was trained on.
eval::Verifier verifier_of(const Experiment& experiment, const Answerer& answerer, const std::string& name) {
  const auto folder = experiment.verifier_folder(name);
  if (std::filesystem::exists(folder)) {
    return eval::Verifier::load(folder, answerer.decoder.model().backbone().config().hidden);
  }
  const auto sessions =
      evenly_spread(learning_sessions(experiment).router, experiment.config().eval.verifier_sessions);
  eval::AnswerSetting setting = candidates_of(experiment);
  setting.generate.pool_hidden = true;
  const auto answers = answer(answerer, "verifier of " + name, sessions, setting,
                              std::filesystem::path(folder).concat(".jsonl"));
  eval::Verifier verifier = eval::Verifier::train(sessions, answers);
  const eval::VerifierReport& r = verifier.report();
  spdlog::info(
      "verifier of {}: F {:.3f} on sessions held out of {}, a random candidate {:.3f}, the best {:.3f}", name,
      r.selected_f1, r.sessions, r.mean_f1, r.oracle_f1);
  verifier.save(folder);
  return verifier;
}

/// The candidates of the same system in the store, with another number of samples.
struct Earlier {
  std::int64_t samples = 0;
  eval::AnswersBySession answers;
};

std::optional<Earlier> earlier_candidates(const Experiment& experiment, const StepId& id) {
  const auto found = earlier_answers(experiment, id);
  return found ? std::optional(Earlier{found->samples, eval::read_answers(found->file)}) : std::nullopt;
}

/// Writes the earlier candidates that are needed; false if they are too few.
bool complete_from(const Earlier& earlier, const std::vector<Session>& sessions, std::int64_t samples,
                   const eval::AnswersBySession& more, const std::filesystem::path& file) {
  if (earlier.samples < samples && more.empty()) {
    return false;
  }
  std::string lines;
  for (const Session& session : sessions) {
    eval::SessionAnswer answer = eval::first_candidates(earlier.answers.at(session.id), samples);
    if (const auto next = more.find(session.id); next != more.end()) {
      answer = eval::joined(std::move(answer), next->second);
    }
    eval::choose(session, {}, answer);
    lines += eval::to_json(answer).dump() + "\n";
  }
  write_file_atomic(file, lines);
  return true;
}

/// Writes a system's candidates for some sessions.
void answer_into(Experiment& experiment, const std::string& system, const std::vector<Session>& sessions,
                 const std::filesystem::path& file, const std::optional<Earlier>& earlier = std::nullopt) {
  const std::int64_t samples = most_samples(experiment.config());
  if (earlier && complete_from(*earlier, sessions, samples, {}, file)) {
    spdlog::info("{}: the first {} of {} candidates drawn before", system, samples, earlier->samples);
    return;
  }
  const Answerer answerer(load_system(experiment, system), experiment.config().decode.kernels);
  spdlog::info("{}: decoding in {}", system, answerer.decoder.path());
  eval::AnswerSetting setting = candidates_of(experiment);
  if (is_permuted(system)) {
    setting.alpha = permuted_alpha(experiment, answerer.decoder.model().backbone().config().layers);
  }
  std::optional<eval::Verifier> verifier;
  if (wants_verifier(experiment.config())) {
    verifier = verifier_of(experiment, answerer, system);
    setting.verifier = &*verifier;
  }
  if (!earlier) {
    answer(answerer, "answer " + system, sessions, setting, file);
    return;
  }
  spdlog::info("{}: {} candidates in addition to the {} drawn before", system, samples - earlier->samples,
               earlier->samples);
  setting.generate.first_sample = earlier->samples;
  setting.generate.samples = samples - earlier->samples;
  eval::AnswersBySession more;
  for (eval::SessionAnswer& found : answer(answerer, "answer " + system, sessions, setting,
                                           std::filesystem::path(file).replace_filename("more.jsonl"))) {
    more[found.session] = std::move(found);
  }
  complete_from(*earlier, sessions, samples, more, file);
}

void answer_part(Experiment& experiment, const StepId& id) {
  if (wants_verifier(experiment.config())) {
    throw_<ConfigError>(
        "`eval.select` must be without verifier for --shard: one process trains it, run {} without",
        to_string(id));
  }
  const auto write = [&](const std::vector<Session>& own, const std::filesystem::path& file) {
    answer_into(experiment, id.name, own, file);
  };
  do_part(experiment, {id, evaluated_sessions(experiment), experiment.config().decode.batch_sessions,
                       experiment.answers_file(id.name), write});
}

}  // namespace

void require_trained(const Experiment& experiment, const std::string& system) {
  for (const StepId& input : experiment.step({StepKind::kAnswer, system}).inputs) {
    if (input.kind != StepKind::kAnswer) {
      require_done(experiment, input,
                   input.kind == StepKind::kTrain ? "routedk-train" : "routedk-train-router");
    } else if (!is_done(experiment, input)) {
      require_trained(experiment, input.name);
    }
  }
}

void answer_step(Experiment& experiment, const std::string& system) {
  const StepId id{StepKind::kAnswer, system};
  require_trained(experiment, system);
  for (const StepId& input : experiment.step(id).inputs) {
    if (input.kind == StepKind::kAnswer && !is_done(experiment, input)) {
      answer_step(experiment, input.name);
      if (!experiment.shard().whole() && !is_done(experiment, input)) {
        spdlog::info("{}: needs all shards of {}; run this again when they are done", to_string(id),
                     to_string(input));
        return;
      }
    }
  }
  if (!experiment.shard().whole()) {
    return answer_part(experiment, id);
  }
  if (!begin_step(experiment, id)) {
    return;
  }
  if (experiment.has_sessions()) {
    answer_into(experiment, system, evaluated_sessions(experiment), experiment.answers_file(system),
                wants_verifier(experiment.config()) ? std::nullopt : earlier_candidates(experiment, id));
  } else {
    answer_examples(experiment, system);
  }
  mark_done(experiment, {id});
}

}  // namespace routedk::workflow
