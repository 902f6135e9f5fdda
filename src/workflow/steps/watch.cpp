#include "routedk/workflow/steps/watch.h"

#include "routedk/bundle/answer.h"
#include "routedk/core/evenly_spread.h"
#include "routedk/eval/answers.h"
#include "routedk/eval/collapse.h"

#include <algorithm>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

using bundle::Session;
using train::Findings;

std::vector<std::string> collapse_warnings(const eval::AnswerPatterns& patterns) {
  std::vector<std::string> warnings = eval::collapse_signs(patterns);
  for (std::string& warning : warnings) {
    warning.insert(0, "collapse: ");
  }
  return warnings;
}

decode::GenerateOptions greedy(const Experiment& experiment) {
  decode::GenerateOptions options;
  options.samples = 1;
  options.sampling.temperature = 0.0;
  options.max_new_tokens = experiment.config().decode.max_new_tokens;
  options.end_of_turn = experiment.encoder().end_of_turn();
  options.other_ends = experiment.encoder().ends();
  return options;
}

std::string answer_text(const Session& session, const bundle::Prediction& prediction) {
  return prediction ? bundle::canonical_answer(bundle::to_products(session, *prediction)) : "unparsed";
}

std::vector<std::pair<std::string, double>> metrics_of(std::span<const Session> sessions,
                                                       std::span<const bundle::Prediction> predictions) {
  const bundle::MetricValues values = bundle::metric_values(bundle::score_sessions(sessions, predictions));
  std::vector<std::pair<std::string, double>> metrics;
  for (std::size_t i = 0; i < bundle::kMetrics; ++i) {
    metrics.emplace_back(bundle::kMetricNames[i], values[i]);
  }
  return metrics;
}

Findings watch_sessions(const Experiment& experiment, const experts::RoutedModel& model,
                        const experts::Gate& gate, const std::vector<Session>& sessions) {
  const DecodeConfig& decode = experiment.config().decode;
  const eval::AnswerSetting setting{experiment.templates(), experiment.encoder(), greedy(experiment),
                                    decode.constrain, decode.batch_sessions};
  const auto answers = eval::answer_batch({model, decode::Kernels::kReference}, gate, sessions, setting);
  Findings found;
  std::vector<bundle::Prediction> predictions;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    predictions.push_back(answers[i].prediction);
    found.answers.push_back({sessions[i].id, answer_text(sessions[i], predictions.back())});
  }
  found.metrics = metrics_of(sessions, predictions);
  found.warnings = collapse_warnings(eval::answer_patterns(sessions, predictions));
  return found;
}

Findings watch_examples(const Experiment& experiment, const experts::RoutedModel& model,
                        const experts::Gate& gate, const std::vector<TaskItem>& items) {
  const text::Tokenizer& tokenizer = experiment.encoder().tokenizer();
  std::vector<decode::Prompt> prompts;
  for (std::size_t i = 0; i < items.size(); ++i) {
    prompts.push_back({items[i].example.prompt, i, nullptr});
  }
  const auto generations = decode::generate(model, gate, prompts, greedy(experiment));
  Findings found;
  std::vector<std::string> patterns;
  double exact = 0.0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    patterns.push_back(tokenizer.decode(generations[i].candidates.front().ids, true));
    exact += eval::exact_match(patterns.back(), items[i].gold.references);
    found.answers.push_back({static_cast<std::int64_t>(i) + 1, patterns.back()});
  }
  found.metrics = {{"exact_match", exact / static_cast<double>(items.size())}};
  found.warnings = collapse_warnings(eval::patterns_of(patterns));
  return found;
}

/// The validation examples that a group, if it is an expert, learns from; otherwise all.
std::vector<TaskItem> watched_items(const Experiment& experiment, const std::string& group) {
  const ExperimentConfig& config = experiment.config();
  std::vector<TaskItem> items = experiment.task().validation;
  if (std::find(config.experts.begin(), config.experts.end(), group) != config.experts.end()) {
    std::erase_if(
        items, [&](const TaskItem& item) { return !item.gold.expert.empty() && item.gold.expert != group; });
  }
  return evenly_spread(items, config.watch.answers);
}

}  // namespace

train::ValidationHook watch_answers(const Experiment& experiment, const experts::RoutedModel& model,
                                    GroupGates gates) {
  const ExperimentConfig& config = experiment.config();
  if (config.watch.answers == 0 || (!experiment.has_sessions() && config.data.validation_examples.empty())) {
    return {};
  }
  std::vector<Session> usable;
  for (const Session& session : experiment.split().val) {
    if (session.items.size() >= eval::kFewestItems) {
      usable.push_back(session);
    }
  }
  const std::vector<Session> sessions = evenly_spread(usable, config.watch.answers);
  return [&experiment, &model, gates = std::move(gates), sessions](const std::string& group) {
    const experts::Gate& gate = *gates.at(group);
    return experiment.has_sessions()
               ? watch_sessions(experiment, model, gate, sessions)
               : watch_examples(experiment, model, gate, watched_items(experiment, group));
  };
}

}  // namespace routedk::workflow
