#include "routedk/core/error.h"
#include "routedk/experts/peft.h"
#include "routedk/experts/random_expert.h"
#include "routedk/experts/router_file.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/steps/steps.h"

#include <map>

#include "support/expect_close.h"
#include "workflow/experiment_folder.h"
#include "workflow/saved_experts.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

/// Two experts that nobody trained, on a few sessions of the sample.
class ControlSteps : public testing::ExperimentFolder {
 protected:
  void SetUp() override {
    ExperimentFolder::SetUp();
    config_.experts = {"base", "merged"};
    config_.split.train_limit = 4;
    config_.split.val_per_length = 0;
    config_.lora.rank = 2;
    config_.lora.alpha = 4.0;
    config_.watch.answers = 0;
    config_.router.batch_size = 2;
    config_.router.epochs = 1;
    config_.train.batch_size = 5;
    config_.train.epochs = 3;
    config_.eval.systems = {"random_experts", "one_lora_on_router_data", "ensemble", "base"};
    config_.eval.limit = 1;
    config_.eval.resamples = 20;
    config_.decode.samples = 2;
  }

  void prepare(Experiment& experiment) {
    begin_step(experiment, {StepKind::kDistil});
    mark_done(experiment, {{StepKind::kDistil}});
    testing::save_experts(experiment);
  }

  /// Optimiser steps of each job.
  std::map<std::string, int> steps() const {
    std::map<std::string, int> counts;
    for (const auto& step : std::filesystem::directory_iterator(folder_ / "run/steps")) {
      if (const auto file = step.path() / "metrics.jsonl"; std::filesystem::exists(file)) {
        io::read_jsonl(file, [&](const io::Json& line, std::int64_t) {
          counts[line["job"].get<std::string>()] += line.contains("loss") ? 1 : 0;
        });
      }
    }
    return counts;
  }
};

TEST_F(ControlSteps, controls_learn_as_many_steps_as_the_router_and_are_evaluated_by_their_names) {
  config_.router.epochs = 2;  // of 2 steps
  config_.router.max_steps = 3;
  Experiment experiment(config_);
  prepare(experiment);
  router_step(experiment);
  EXPECT_THAT(testing::message_of<ConfigError>([&] { evaluate_step(experiment); }),
              HasSubstr("routedk-train-router"));
  controls_step(experiment);
  const auto taken = steps();
  EXPECT_EQ(taken.at("router"), 3);
  EXPECT_EQ(taken.at("random_experts"), taken.at("router"));
  EXPECT_EQ(taken.at("one_lora_on_router_data"), taken.at("router"));

  const model::LlamaConfig& shape = testing::real_model()->config();
  const auto router = experts::load_router(folder_ / "run/controls/random_experts/router", shape);
  EXPECT_EQ(router.experts, config_.experts);
  EXPECT_GT(router.gate.weight(3).abs().max().item<float>(), 0.0F);
  for (const std::string& name : config_.experts) {
    const auto trained = experts::load_peft(experiment.expert_folder(name), name, shape);
    const auto random =
        experts::load_peft(folder_ / "run/controls/random_experts/experts" / name, name, shape);
    trained.for_each([&](std::int64_t layer, model::Linear linear, const experts::LoraFactors& f) {
      EXPECT_NEAR(experts::delta_norm(random.factors(layer, linear)) / experts::delta_norm(f), 1.0, 1e-4);
    });
  }
  const auto lora = experts::load_peft(folder_ / "run/controls/one_lora_on_router_data", "lora", shape);
  EXPECT_EQ(lora.plan().at(0, model::Linear::kQ), (experts::LoraSize{2, 4.0}));
  EXPECT_GT(lora.factors(0, model::Linear::kQ).bt.abs().max().item<float>(), 0.0F);

  evaluate_step(experiment);
  const io::Json systems = io::read_json(folder_ / "run/results.json")["systems"];
  std::vector<std::string> compared;
  for (const auto& [name, system] : systems.items()) {
    if (!system["baseline"].get<bool>()) {
      compared.push_back(name);
      EXPECT_EQ(system.contains("routing"), name == "random_experts") << name;
    }
  }
  EXPECT_THAT(compared,
              UnorderedElementsAre("random_experts", "one_lora_on_router_data", "ensemble", "base"));
  io::read_jsonl(folder_ / "run/answers/ensemble.jsonl", [](const io::Json& line, std::int64_t) {
    EXPECT_EQ(line["alpha"][0], (io::Json{0.5, 0.5}));
  });
}

TEST_F(ControlSteps, what_is_done_stays_until_the_router_is_done_again) {
  config_.eval.systems = {"one_lora_on_router_data"};
  const StepId control{StepKind::kControls, "one_lora_on_router_data"};
  {
    Experiment experiment(config_);
    EXPECT_FALSE(is_done(experiment, control));
    controls_step(experiment);
    EXPECT_TRUE(is_done(experiment, control));
  }
  const auto lines = steps().at("one_lora_on_router_data");
  {
    Experiment again(config_);
    controls_step(again);
    EXPECT_EQ(steps().at("one_lora_on_router_data"), lines) << "what is done stays";
  }
  Experiment again(config_);
  forget_from(again, StepKind::kRouter);
  EXPECT_FALSE(is_done(again, control));
  EXPECT_FALSE(std::filesystem::exists(again.control_folder(control.name)));
  EXPECT_EQ(steps().count(control.name), 0U);
}

TEST_F(ControlSteps, conflict_is_measured_after_every_step_and_goes_on_where_it_stopped) {
  config_.watch.conflict = 1;
  config_.train.checkpoint_every = 1;
  config_.split.train_limit = 2;
  config_.train.batch_size = 1;
  config_.train.epochs = 1;
  Experiment experiment(config_);
  distil_step(experiment);
  testing::save_experts(experiment);
  conflict_step(experiment);
  const io::Json json = io::read_json(folder_ / "run/conflict.json");
  const std::size_t steps = json["steps"].size();
  EXPECT_GT(steps, 1U);
  EXPECT_THAT(json["pairs"].size(), 3U);
  for (const auto& [pair, found] : json["pairs"].items()) {
    ASSERT_EQ(found["cosine"].size(), steps) << pair;
    EXPECT_LT(found["cosine"][0].get<double>(), 1.0) << pair;
    EXPECT_GT(found["cosine"][0].get<double>(), -1.0) << pair;
    EXPECT_EQ(found["by_linear"].size(), 7U) << pair;
  }
  EXPECT_TRUE(json["parameters"].contains("base, merged"));
  forget_from(experiment, StepKind::kConflict);
  conflict_step(experiment);
  EXPECT_EQ(io::read_json(folder_ / "run/conflict.json"), json);
}

TEST_F(ControlSteps, a_change_of_the_routers_settings_is_another_control) {
  config_.eval.systems = {"random_experts"};
  const StepId control{StepKind::kControls, "random_experts"};
  const std::string before = Experiment(config_).step(control).key;
  config_.router.max_steps = 2;
  const std::string shorter = Experiment(config_).step(control).key;
  EXPECT_NE(shorter, before);
  config_.router.epochs += 1;
  EXPECT_NE(Experiment(config_).step(control).key, shorter);
}

}  // namespace
}  // namespace routedk::workflow
