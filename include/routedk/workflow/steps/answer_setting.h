/// How the settings want sessions answered.
#pragma once

#include "routedk/eval/answers.h"
#include "routedk/workflow/experiment/experiment_config.h"

namespace routedk::workflow {

/// The rule of `decode.select` over all samples, under its utility and expectation.
eval::Choice usual_choice(const DecodeConfig& settings);

/// Templates and encoder must outlive it.
eval::AnswerSetting answer_setting(const DecodeConfig& settings, const bundle::PromptTemplates& templates,
                                   const bundle::SessionEncoder& encoder);

/// N samples, drawn until a token that ends answers.
decode::GenerateOptions generate_options(const DecodeConfig& settings, const bundle::SessionEncoder& encoder);

}  // namespace routedk::workflow
