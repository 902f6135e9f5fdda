#include "earlier_answers.h"

#include "routedk/core/numbers.h"
#include "routedk/workflow/steps/answer_setting.h"

#include <algorithm>
#include <map>
#include <string>

namespace routedk::workflow {
namespace {

constexpr const char* kSamples = "decode.samples";

using StepsByKey = std::map<std::string, Step>;

Settings without_samples(Settings settings) {
  settings.erase(kSamples);
  return settings;
}

/// Whether two answer steps draw the same candidates, up to their number. Answers among their inputs, those
/// of the router for `permuted`, give them weights, which do not depend on the number either.
bool draw_alike(const Step& a, const Step& b, const StepsByKey& answers) {
  const auto same_input = [&](const auto& mine, const auto& other) {
    if (mine == other) {
      return true;
    }
    const auto of_mine = answers.find(mine.second);
    const auto of_other = answers.find(other.second);
    return mine.first == other.first && of_mine != answers.end() && of_other != answers.end() &&
           draw_alike(of_mine->second, of_other->second, answers);
  };
  return a.id == b.id && without_samples(a.settings) == without_samples(b.settings) &&
         std::ranges::equal(a.input_keys, b.input_keys, same_input);
}

StepsByKey answers_in(const Store& store) {
  StepsByKey steps;
  for (const auto& [key, record] : store.whole(StepKind::kAnswer)) {
    steps.emplace(key, step_of(record));
  }
  return steps;
}

}  // namespace

std::optional<EarlierAnswers> earlier_answers(const Experiment& experiment, const StepId& id) {
  const Step& wanted = experiment.step(id);
  const std::int64_t samples = most_samples(experiment.config());
  const StepsByKey answers = answers_in(experiment.store());
  std::optional<EarlierAnswers> best;
  for (const auto& [key, other] : answers) {
    const auto given = other.settings.find(kSamples);
    if (given == other.settings.end()) {
      continue;
    }
    const std::int64_t count = number_in<std::int64_t>(given->second).value_or(0);
    const std::int64_t of_best = best ? best->samples : 0;
    const bool better = of_best < samples ? count > of_best : count >= samples && count < of_best;
    if (better && draw_alike(other, wanted, answers)) {
      best = EarlierAnswers{count, experiment.store().folder_of(other) / "answers.jsonl"};
    }
  }
  return best;
}

}  // namespace routedk::workflow
