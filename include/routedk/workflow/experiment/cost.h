/// The cost of steps: measured, or estimated from similar steps.
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

/// What a step took, or is expected to take.
struct Cost {
  std::optional<double> seconds;
  std::optional<double> memory_mib;
};

Cost measured(const io::JsonField& record);

/// Estimates a step from the records of steps of the same kind on the same model: seconds in proportion to
/// the work, and the largest memory.
Cost guess(const Experiment& experiment, const Step& step, const Records& records);

/// A step that is running or still to run.
struct Expected {
  double effort = 0.0;            ///< work in a unit common to all steps: one training example processed once
  std::optional<double> seconds;  ///< if similar steps were measured
};

Expected expected(const Experiment& experiment, const Step& step);

/// Seconds of each remaining step, given that the running one takes `seconds`: the time of similar steps or,
/// without any, in proportion to effort; scaled by how much slower or faster the running step is than steps
/// like it were, for instance because other programs now use the CPU. Empty if any of them cannot be
/// estimated.
std::optional<double> seconds_of(const std::vector<Expected>& to_come, const Expected& now, double seconds);

/// Predicts the end of the run while the step that begins now is running.
Outlook outlook_of(const Expected& now, std::vector<Expected> to_come);

}  // namespace routedk::workflow
