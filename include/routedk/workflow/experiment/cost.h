/// What steps cost: measured, or guessed from like ones.
#pragma once

#include "routedk/core/progress.h"
#include "routedk/io/json_field.h"
#include "routedk/workflow/experiment/experiment.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace routedk::workflow {

/// step.json of a store's steps of one kind, by key.
using Records = std::map<std::string, io::JsonField>;

/// What a step took or is likely to take.
struct Cost {
  std::optional<double> seconds;
  std::optional<double> memory_mib;
};

Cost measured(const io::JsonField& record);

/// From the records of steps of the same kind on the same model: seconds for as much work as there is here,
/// and the most memory.
Cost guess(const Experiment& experiment, const Step& step, const Records& records);

/// A step that is under way or to come.
struct Expected {
  double effort = 0.0;            ///< work in the unit of all steps: an example that is trained on once
  std::optional<double> seconds;  ///< where like steps were measured
};

Expected expected(const Experiment& experiment, const Step& step);

/// Seconds of the steps to come, where the one under way takes `seconds`: as long as like steps took, or as
/// its effort says beside the effort of the one under way; longer or shorter as that is slower or faster than
/// steps like it were, for instance because others use the CPU now. Nothing where one cannot be known.
std::optional<double> seconds_of(const std::vector<Expected>& to_come, const Expected& now, double seconds);

/// When all is done, told while the step that begins now is under way.
Outlook outlook_of(const Expected& now, std::vector<Expected> to_come);

}  // namespace routedk::workflow
