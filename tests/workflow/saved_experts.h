/// Experts that nobody trained, as steps that are done.
#pragma once

#include "routedk/core/random.h"
#include "routedk/experts/peft.h"
#include "routedk/workflow/experiment/experiment.h"
#include "routedk/workflow/steps/steps.h"

#include <string>

#include "support/real_model.h"
#include <ATen/core/grad_mode.h>

namespace routedk::testing {

/// One of rank 2 for each of `experts`; `base` differs from the others in more than its start.
inline void save_experts(workflow::Experiment& experiment) {
  using workflow::StepKind;
  const workflow::ExperimentConfig& config = experiment.config();
  for (const std::string& name : config.experts) {
    experts::Expert expert(name, real_model()->config(), experts::LoraOptions{.rank = 2, .alpha = 4.0});
    expert.initialise(hash64(name));
    const at::NoGradGuard no_grad;
    const at::Tensor values = expert.parameters().values();
    values.add_(at::sin(at::arange(values.numel(), at::kFloat) * (name == "base" ? 1.0 : 2.0)), 0.002);
    begin_step(experiment, {StepKind::kTrain, name});
    experts::save_peft(expert, experiment.expert_folder(name), config.model.path);
    mark_done(experiment, {{StepKind::kTrain, name}});
  }
}

}  // namespace routedk::testing
