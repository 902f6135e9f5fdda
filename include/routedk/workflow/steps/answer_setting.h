/// How the settings want sessions answered.
#pragma once

#include "routedk/eval/answers.h"
#include "routedk/workflow/experiment/experiment_config.h"

#include <cstdint>
#include <vector>

namespace routedk::workflow {

/// Every rule of `eval.select` under every number of `eval.samples`.
std::vector<eval::Choice> choices_of(const ExperimentConfig& config);
/// The candidates that the choice among most of them needs.
std::int64_t most_samples(const ExperimentConfig& config);
/// Among how many candidates each vote on the user's own examples is: none where they are drawn greedily,
/// which makes them all the same.
std::vector<std::int64_t> votes_of(const ExperimentConfig& config);
/// Whether a verifier chooses.
bool wants_verifier(const ExperimentConfig& config);

/// The rule of `decode.select` over all samples, under its utility and expectation.
eval::Choice usual_choice(const DecodeConfig& settings);

/// Templates and encoder must outlive it.
eval::AnswerSetting answer_setting(const DecodeConfig& settings, const bundle::PromptTemplates& templates,
                                   const bundle::SessionEncoder& encoder);

/// N samples, drawn until a token that ends answers.
decode::GenerateOptions generate_options(const DecodeConfig& settings, const bundle::SessionEncoder& encoder);

}  // namespace routedk::workflow
