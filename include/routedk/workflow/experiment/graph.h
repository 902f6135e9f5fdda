/// The steps of an experiment, derived from its settings: which there are, what each one's numbers depend on,
/// and which of them its outcome needs.
#pragma once

#include "routedk/workflow/experiment/step.h"

#include <vector>

namespace routedk::workflow {

class Experiment;

/// All steps that the settings speak of, inputs before what reads them, with their keys.
std::vector<Step> steps_of(const Experiment& experiment);

/// How much there is to do in a step, for comparing it with others of its kind: examples times epochs of
/// trainings, candidates of answers, sessions otherwise; 0 where it is not known.
double work_of(const Experiment& experiment, const StepId& id);

/// Those of `all` that the outcome needs, in their order: the evaluation's, or, where no example is kept for
/// one, every expert and the router.
std::vector<const Step*> needed_steps(const std::vector<Step>& all);

}  // namespace routedk::workflow
