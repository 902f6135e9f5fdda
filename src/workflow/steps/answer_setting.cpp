#include "routedk/workflow/steps/answer_setting.h"

namespace routedk::workflow {

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
