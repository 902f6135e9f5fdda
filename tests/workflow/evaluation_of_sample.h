/// What the tests of the evaluate step share.
#pragma once

#include "routedk/experts/router_file.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/steps/steps.h"

#include "workflow/experiment_folder.h"
#include "workflow/saved_experts.h"
#include <gtest/gtest.h>

namespace routedk::workflow {

/// The sample's first test sessions under experts and a router that nobody trained: their steps are marked
/// done.
class EvaluateStep : public testing::ExperimentFolder {
 protected:
  void SetUp() override {
    ExperimentFolder::SetUp();
    config_.experts = {"base", "merged"};
    config_.lora.rank = 2;
    config_.eval.systems = {"backbone"};
    config_.eval.limit = 2;
    config_.eval.resamples = 50;
    config_.eval.verifier_sessions = 2;
    config_.decode.samples = 2;
    config_.decode.batch_sessions = 1;
  }

  void prepare(Experiment& experiment) {
    begin_step(experiment, {StepKind::kDistil});
    mark_done(experiment, {{StepKind::kDistil}});
    testing::save_experts(experiment);
    begin_step(experiment, {StepKind::kRouter});
    const model::LlamaConfig& shape = testing::real_model()->config();
    experts::RouterGate router(shape.layers, shape.hidden, 2, {.kind = config_.router.kind});
    experts::save_router(router, config_.experts, experiment.router_folder());
    mark_done(experiment, {{StepKind::kRouter}});
  }
  /// results.json of evaluating under the present settings, times left out.
  io::Json evaluate() {
    Experiment experiment(config_);
    if (!is_done(experiment, {StepKind::kRouter})) {
      prepare(experiment);
    }
    evaluate_step(experiment);
    io::Json json = io::read_json(folder_ / "run/results.json");
    for (auto& [name, system] : json["systems"].items()) {
      system.erase("seconds");
    }
    return json;
  }
  std::string refused() {
    return testing::message_of<UserError>([&] { evaluate(); });
  }
};

}  // namespace routedk::workflow
