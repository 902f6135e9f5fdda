#include "routedk/workflow/experiment/metrics_log.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

/// As text, since JSON has no such numbers; the sign of a NaN has no meaning.
std::string not_finite_text(double value) {
  return std::isnan(value) ? "nan" : fmt::format("{}", value);
}

io::Json json_of(const train::SampleFigures& samples) {
  io::Json json = {{"utility", samples.utility},         {"advantage_std", samples.advantage_std},
                   {"entropy", samples.entropy},         {"distinct", samples.distinct},
                   {"informative", samples.informative}, {"unfinished", samples.unfinished},
                   {"seconds", samples.seconds}};
  if (samples.kl) {
    json["kl"] = *samples.kl;
  }
  if (samples.clipped) {
    json["clipped"] = *samples.clipped;
  }
  return json;
}

io::Json record_of(const train::StepEvent& event) {
  const train::GroupStep& step = event.step;
  io::Json record = {{"step", event.number},
                     {"group", event.group},
                     {"loss", step.loss},
                     {"token_loss", step.token_loss},
                     {"learning_rate", step.learning_rate},
                     {"grad_norm", step.grad_norm},
                     {"tokens", step.tokens},
                     {"answer_tokens", step.answer_tokens},
                     {"tokens_per_s", static_cast<double>(step.tokens) / std::max(step.seconds, 1e-9)},
                     {"seconds", step.seconds},
                     {"memory_mib", event.memory_mib}};
  if (step.samples) {
    record["samples"] = json_of(*step.samples);
    record["skipped"] = step.skipped ? 1 : 0;
  }
  if (!step.routing.empty()) {
    record["gates"] = experts::to_json(step.routing);
  }
  return record;
}

io::Json record_of(const train::BadStepEvent& event) {
  return {{"step", event.number},
          {"group", event.group},
          {"not_finite", event.step.not_finite},
          {"not_finite_loss", not_finite_text(event.step.loss)},
          {"not_finite_norm", not_finite_text(event.step.grad_norm)},
          {"keys", event.step.keys}};
}

io::Json record_of(const train::ValidationEvent& event) {
  const train::Findings& found = event.validation.found;
  const std::optional<double>& utility = event.validation.utility;
  io::Json record = {
      {"step", event.number},
      {"group", event.group},
      {utility ? "validation_utility" : "validation_loss", utility.value_or(event.validation.loss)},
      {"best", event.best}};
  for (const train::WatchedAnswer& answer : found.answers) {
    record["answers"].push_back({{"key", answer.key}, {"answer", answer.text}});
  }
  for (const auto& [name, value] : found.metrics) {
    record["metrics"][name] = value;
  }
  return record;
}

io::Json record_of(const train::WarningEvent& event) {
  return {{"step", event.number}, {"group", event.group}, {"warning", event.text}};
}

io::Json record_of(const train::ResumeEvent& event) {
  return {{"resumed_at", event.number}, {"groups", event.groups}};
}

}  // namespace

io::Json to_json(const train::Event& event) {
  return std::visit([](const auto& one) { return record_of(one); }, event);
}

}  // namespace routedk::workflow
