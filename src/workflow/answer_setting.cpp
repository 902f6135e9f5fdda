#include "answer_setting.h"

namespace routedk::workflow {

decode::GenerateOptions generate_options(const DecodeSettings& settings, text::TokenId end_of_turn) {
  decode::GenerateOptions options;
  options.samples = settings.samples;
  options.temperature = settings.temperature;
  options.max_new_tokens = settings.max_new_tokens;
  options.end_of_turn = end_of_turn;
  options.seed = settings.seed;
  return options;
}

eval::AnswerSetting answer_setting(const DecodeSettings& settings, const bundle::PromptTemplates& templates,
                                   const bundle::SessionEncoder& encoder) {
  return {templates, encoder, generate_options(settings, encoder.end_of_turn()), settings.constrain,
          settings.batch_sessions};
}

decode::Kernels kernels_of(const DecodeSettings& settings) {
  return settings.kernels == "int8" ? decode::Kernels::kInt8 : decode::Kernels::kReference;
}

}  // namespace routedk::workflow
