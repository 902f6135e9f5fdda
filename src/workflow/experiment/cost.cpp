#include "routedk/workflow/experiment/cost.h"

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <utility>
#include <vector>

namespace routedk::workflow {
namespace {

/// Seconds per unit of work_of, relative to one training example of an expert. Measured on the demo at
/// reduced size, two cores of an Intel Xeon: 1.24 s, the router 1.06 s, one candidate 0.12 s. A probe is a
/// forward pass, a third of a step. Negligible steps have 0.
double effort_of_unit(StepKind kind) {
  switch (kind) {
    case StepKind::kTrain:
    case StepKind::kConflict:
      return 1.0;
    case StepKind::kRouter:
    case StepKind::kControls:
      return 0.86;
    case StepKind::kAnswer:
      return 0.1;
    case StepKind::kProbe:
      return 0.3;
    case StepKind::kDistil:
    case StepKind::kTeacher:
    case StepKind::kEvaluate:
    case StepKind::kCompare:
      break;
  }
  return 0.0;
}

/// Those whose record agrees with the step's settings of these names, where it has them.
std::vector<const io::JsonField*> alike(const Step& step, const Records& records,
                                        std::initializer_list<const char*> names) {
  std::vector<const io::JsonField*> found;
  for (const auto& [key, record] : records) {
    const auto agrees = [&, &record = record](const char* name) {
      const auto own = step.settings.find(name);
      return own == step.settings.end() || record["settings"][name].is(own->second);
    };
    if (std::all_of(names.begin(), names.end(), agrees)) {
      found.push_back(&record);
    }
  }
  return found;
}

}  // namespace

Cost measured(const io::JsonField& record) {
  return {record["seconds"].real_or(0.0), record["peak_memory_mib"].real_or(0.0)};
}

Cost guess(const Experiment& experiment, const Step& step, const Records& records) {
  std::vector<const io::JsonField*> similar = alike(step, records, {"model.contents", "data.contents"});
  if (similar.empty()) {
    similar = alike(step, records, {"model.contents"});
  }
  double seconds = 0.0;
  double work = 0.0;
  Cost cost;
  for (const io::JsonField* record : similar) {
    const Cost own = measured(*record);
    seconds += *own.seconds;
    work += (*record)["work"].real_or(0.0);
    cost.memory_mib = std::max(cost.memory_mib.value_or(0.0), *own.memory_mib);
  }
  if (work > 0.0) {
    cost.seconds = seconds / work * work_of(experiment, step.id);
  }
  return cost;
}

Expected expected(const Experiment& experiment, const Step& step) {
  return {work_of(experiment, step.id) * effort_of_unit(step.id.kind),
          guess(experiment, step, experiment.store().whole(step.id.kind)).seconds};
}

std::optional<double> seconds_of(const std::vector<Expected>& to_come, const Expected& now, double seconds) {
  constexpr double kMostSlower = 8.0;  // beyond that, the step was not similar
  const double slower = now.seconds.value_or(0.0) > 0.0
                            ? std::clamp(seconds / *now.seconds, 1.0 / kMostSlower, kMostSlower)
                            : 1.0;
  double sum = 0.0;
  for (const Expected& step : to_come) {
    if (step.seconds) {
      sum += *step.seconds * slower;
    } else if (step.effort > 0.0 && now.effort > 0.0) {
      sum += step.effort * seconds / now.effort;
    } else if (step.effort > 0.0) {
      return std::nullopt;
    }
  }
  return sum;
}

Outlook outlook_of(const Expected& now, std::vector<Expected> to_come) {
  const auto begun = std::chrono::steady_clock::now();
  return [=, to_come = std::move(to_come)](double left) -> std::optional<double> {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begun;
    const auto more = seconds_of(to_come, now, spent.count() + left);
    return more ? std::optional(left + *more) : std::nullopt;
  };
}

}  // namespace routedk::workflow
