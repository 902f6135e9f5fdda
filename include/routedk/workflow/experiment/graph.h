/// The steps of an experiment, derived from its settings: which there are, what each one's numbers depend on,
/// and which of them the outcome needs.
#pragma once

#include "routedk/workflow/experiment/step.h"

#include <vector>

namespace routedk::workflow {

class Experiment;

/// All steps that the settings define, with their keys; inputs come before the steps that read them.
std::vector<Step> steps_of(const Experiment& experiment);

/// The amount of work in a step, comparable among steps of its kind: examples times epochs for training (at
/// most those of `max_steps`), candidates for answers, sessions otherwise; 0 if unknown.
double work_of(const Experiment& experiment, const StepId& id);

/// The steps of `all` that the outcome needs, in order: those of the evaluation or, if no example is held out
/// for one, every expert and the router.
std::vector<const Step*> needed_steps(const std::vector<Step>& all);

}  // namespace routedk::workflow
