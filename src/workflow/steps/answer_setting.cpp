#include "routedk/workflow/steps/answer_setting.h"

#include <algorithm>

namespace routedk::workflow {
namespace {

template <typename T>
std::vector<T> or_usual(const std::vector<T>& list, const T& usual) {
  return list.empty() ? std::vector{usual} : list;
}

/// Every utility of `eval.utility` with every expectation of `eval.expectation`, if the rule needs them.
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

}  // namespace

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

std::int64_t most_samples(const ExperimentConfig& config) {
  const std::vector<std::int64_t>& counts = config.eval.samples;
  return counts.empty() ? config.decode.samples : *std::max_element(counts.begin(), counts.end());
}

std::vector<std::int64_t> votes_of(const ExperimentConfig& config) {
  std::vector<std::int64_t> votes;
  for (const std::int64_t samples : or_usual(config.eval.samples, config.decode.samples)) {
    if (samples > 1 && config.decode.temperature > 0.0) {
      votes.push_back(samples);
    }
  }
  return votes;
}

bool wants_verifier(const ExperimentConfig& config) {
  const auto choices = choices_of(config);
  return std::any_of(choices.begin(), choices.end(),
                     [](const auto& choice) { return choice.rule == eval::SelectRule::kVerifier; });
}

decode::GenerateOptions generate_options(const DecodeConfig& settings,
                                         const bundle::SessionEncoder& encoder) {
  decode::GenerateOptions options;
  options.samples = settings.samples;
  options.sampling = {settings.temperature, settings.top_k, settings.top_p, settings.min_p};
  options.max_new_tokens = settings.max_new_tokens;
  options.end_of_turn = encoder.end_of_turn();
  options.other_ends = encoder.ends();
  options.seed = settings.seed;
  return options;
}

eval::Choice usual_choice(const DecodeConfig& settings) {
  return {settings.select, settings.samples, {settings.utility, settings.expectation}};
}

eval::AnswerSetting answer_setting(const DecodeConfig& settings, const bundle::PromptTemplates& templates,
                                   const bundle::SessionEncoder& encoder) {
  eval::AnswerSetting setting{templates, encoder, generate_options(settings, encoder), settings.constrain,
                              settings.batch_sessions};
  setting.choices = {usual_choice(settings)};
  return setting;
}

}  // namespace routedk::workflow
