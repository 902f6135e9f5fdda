#include "earlier_answers.h"

#include "routedk/core/numbers.h"
#include "routedk/workflow/steps/answer_setting.h"

namespace routedk::workflow {

std::optional<EarlierAnswers> earlier_answers(const Experiment& experiment, const StepId& id) {
  constexpr const char* kSamples = "decode.samples";
  const Step& wanted = experiment.step(id);
  const std::int64_t samples = most_samples(experiment.config());
  std::optional<EarlierAnswers> best;
  for (const auto& [key, record] : experiment.store().whole(StepKind::kAnswer)) {
    const Step other = step_of(record);
    const auto given = other.settings.find(kSamples);
    if (given == other.settings.end()) {
      continue;
    }
    const std::int64_t count = number_in<std::int64_t>(given->second).value_or(0);
    const std::int64_t of_best = best ? best->samples : 0;
    const bool better = of_best < samples ? count > of_best : count >= samples && count < of_best;
    Settings settings = other.settings;
    settings[kSamples] = wanted.settings.at(kSamples);
    if (better && other.id == id && settings == wanted.settings && other.input_keys == wanted.input_keys) {
      best = EarlierAnswers{count, experiment.store().folder_of(other) / "answers.jsonl"};
    }
  }
  return best;
}

}  // namespace routedk::workflow
