/// Converts the settings of decoding and choosing.
#pragma once

#include "routedk/eval/answers.h"
#include "routedk/workflow/experiment/experiment_config.h"

#include <cstdint>
#include <vector>

namespace routedk::workflow {

/// Every rule of `eval.select` under every number of `eval.samples`.
std::vector<eval::Choice> choices_of(const ExperimentConfig& config);
/// The number of candidates that the choice among the most of them needs.
std::int64_t most_samples(const ExperimentConfig& config);
/// The numbers of candidates that vote on the user's own examples; empty for greedy decoding, where all
/// candidates are the same.
std::vector<std::int64_t> votes_of(const ExperimentConfig& config);
/// Whether any choice uses a verifier.
bool wants_verifier(const ExperimentConfig& config);

/// The rule of `decode.select` over all samples, with its utility and expectation.
eval::Choice usual_choice(const DecodeConfig& settings);

/// Templates and encoder must outlive it.
eval::AnswerSetting answer_setting(const DecodeConfig& settings, const bundle::PromptTemplates& templates,
                                   const bundle::SessionEncoder& encoder);

/// N samples, drawn until a token that ends the answer.
decode::GenerateOptions generate_options(const DecodeConfig& settings, const bundle::SessionEncoder& encoder);

}  // namespace routedk::workflow
