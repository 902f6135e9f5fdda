#include "routedk/workflow/steps/steps.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"

#include <filesystem>
#include <fstream>

#include "core/temporary_folder.h"
#include "support/real_model.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

const fs::path kSource = ROUTEDK_SOURCE_DIR;

/// Experiments on the project's own sample, in a folder of the test's own.
class Steps : public testing::RealModel {
 protected:
  void SetUp() override {
    RealModel::SetUp();
    fs::copy(kSource / "configs/prompts", folder_ / "prompts");
    config_.data.dir = (kSource / "data/sample").string();
    config_.model.path = testing::real_model_path().string();
    config_.prompts = (folder_ / "prompts").string();
    config_.run.dir = (folder_ / "run").string();
  }

  testing::TemporaryFolder folder_;
  ExperimentConfig config_;
};

TEST_F(Steps, a_done_step_is_skipped_and_a_second_run_opens_it_no_more) {
  {
    Experiment experiment(config_);
    EXPECT_TRUE(begin_step(experiment, "distil"));
    mark_done(experiment, {"distil"});
  }
  Experiment experiment(config_);
  EXPECT_FALSE(begin_step(experiment, "distil"));
  EXPECT_TRUE(is_done(experiment, "distil"));
  EXPECT_FALSE(is_done(experiment, "train"));
}

TEST_F(Steps, a_step_under_other_settings_prompts_or_data_is_refused_until_it_is_redone) {
  {
    Experiment experiment(config_);
    begin_step(experiment, "distil");
    mark_done(experiment, {"distil"});
  }
  std::ofstream(fs::path(config_.prompts) / "raw.txt", std::ios::app) << "\n";
  Experiment experiment(config_);
  EXPECT_FALSE(is_done(experiment, "distil"));
  EXPECT_THROW(begin_step(experiment, "distil"), ConfigError);
  EXPECT_THROW(require_done(experiment, "distil", "routedk-distill"), ConfigError);
  forget_from(experiment, "distil");
  EXPECT_TRUE(begin_step(experiment, "distil"));
}

TEST_F(Steps, a_setting_that_changes_no_number_changes_no_step) {
  {
    Experiment experiment(config_);
    begin_step(experiment, "train-base");
    mark_done(experiment, {"train-base"});
  }
  config_.train.checkpoint_every += 1;
  config_.train.prepare_ahead = !config_.train.prepare_ahead;
  config_.train.recompute = !config_.train.recompute;
  config_.router.prepare_ahead = !config_.router.prepare_ahead;
  config_.decode.samples += 1;
  {
    Experiment experiment(config_);
    EXPECT_FALSE(begin_step(experiment, "train-base"));
  }
  config_.train.learning_rate *= 2.0;
  Experiment experiment(config_);
  EXPECT_THROW(begin_step(experiment, "train-base"), ConfigError);
}

TEST_F(Steps, keeping_sessions_for_the_router_is_another_training_of_the_experts) {
  {
    Experiment experiment(config_);
    begin_step(experiment, "train-base");
    mark_done(experiment, {"train-base"});
  }
  config_.router.temperature = 2.0;
  {
    Experiment experiment(config_);
    EXPECT_FALSE(begin_step(experiment, "train-base"));
  }
  config_.router.data = RouterData::kHoldout;
  Experiment experiment(config_);
  EXPECT_THROW(begin_step(experiment, "train-base"), ConfigError);
}

TEST_F(Steps, another_temperature_is_another_router) {
  {
    Experiment experiment(config_);
    begin_step(experiment, "router");
    mark_done(experiment, {"router"});
  }
  config_.router.temperature = 2.0;
  Experiment experiment(config_);
  EXPECT_THROW(begin_step(experiment, "router"), ConfigError);
}

TEST_F(Steps, an_adapter_to_start_from_is_known_by_its_contents_and_not_by_its_place) {
  const auto write = [&](const char* name, const std::string& weights) {
    fs::create_directories(folder_ / name);
    write_file_atomic(folder_ / name / "adapter_config.json", "{}");
    write_file_atomic(folder_ / name / "adapter_model.safetensors", weights);
    return (folder_ / name).string();
  };
  config_.lora.init_adapter = write("start", "one");
  {
    Experiment experiment(config_);
    begin_step(experiment, "train-base");
    mark_done(experiment, {"train-base"});
  }
  config_.lora.init_adapter = write("moved", "one");
  {
    Experiment experiment(config_);
    EXPECT_FALSE(begin_step(experiment, "train-base"));
  }
  write("moved", "two");
  Experiment experiment(config_);
  EXPECT_THROW(begin_step(experiment, "train-base"), ConfigError);
}

TEST_F(Steps, forgetting_the_router_forgets_its_records_and_keeps_those_of_the_experts) {
  const fs::path run = config_.run.dir;
  for (const char* job : {"train", "router"}) {
    fs::create_directories(run / "tensorboard" / job);
    write_file_atomic(run / "tensorboard" / job / "events", "");
  }
  const std::string train_metrics = R"({"job":"train","step":1,"group":"base","loss":0.1})" "\n";
  const std::string train_timing = R"({"step":"train","seconds":1.5})" "\n";
  write_file_atomic(run / "metrics.jsonl",
                    train_metrics + R"({"job":"router","step":1,"group":"router","loss":0.2})" +
                        "\n" + R"({"job":"router","st)");  // torn by a kill
  write_file_atomic(run / "timings.jsonl",
                    train_timing + R"({"step":"router","seconds":1.5})" + "\n" +
                        R"({"step":"evaluate","seconds":1.5})" + "\n");
  Experiment experiment(config_);
  forget_from(experiment, "router");
  EXPECT_EQ(testing::content_of(run / "metrics.jsonl"), train_metrics);
  EXPECT_EQ(testing::content_of(run / "timings.jsonl"), train_timing);
  EXPECT_TRUE(fs::exists(run / "tensorboard/train/events"));
  EXPECT_FALSE(fs::exists(run / "tensorboard/router"));
  forget_from(experiment, "train");
  EXPECT_FALSE(fs::exists(run / "metrics.jsonl"));
  EXPECT_EQ(testing::content_of(run / "timings.jsonl"), "");
  EXPECT_FALSE(fs::exists(run / "tensorboard"));
}

TEST_F(Steps, the_plan_refuses_examples_beyond_the_context_and_names_their_lines) {
  std::string text;
  for (int i = 0; i < 40000; ++i) {
    text += "a ";
  }
  config_.data.examples = folder_.write("own.jsonl", R"({"prompt": "Hi", "completion": "x", "expert": "kind"})"
                                                     "\n\n"
                                                     R"({"prompt": ")" + text +
                                                         R"(", "completion": "x", "expert": "kind"})").string();
  config_.experts = {"kind"};
  Experiment experiment(config_);
  const std::string message = testing::message_of<DataError>([&] { plan(experiment); });
  EXPECT_THAT(message, HasSubstr("1 of 2"));
  EXPECT_THAT(message, HasSubstr("own.jsonl:3 with "));
}

TEST_F(Steps, the_plan_counts_sessions_parameters_and_steps_and_leaves_no_folder) {
  config_.split.train_limit = 20;
  config_.train.batch_size = 8;
  config_.train.epochs = 3;
  Experiment experiment(config_);
  const std::string text = plan(experiment);
  EXPECT_THAT(text, HasSubstr("20 training"));
  EXPECT_THAT(text, HasSubstr("each: 4884480 parameters, 20 sessions, 3 epochs, 9 optimiser steps"));
  EXPECT_THAT(text, HasSubstr("router    51930 parameters"));  // 30 layers x 3 experts x (576 + 1)
  EXPECT_THAT(text, HasSubstr("tokens    "));
  EXPECT_THAT(text, HasSubstr("memory    predicted peak"));
  EXPECT_THAT(text, ContainsRegex("memory +train +router +evaluate\n"));
  EXPECT_THAT(text, ContainsRegex("memory +8-bit copy +- +- +[1-9][0-9]* MiB\n"));
  EXPECT_THAT(text, ContainsRegex("memory +frozen experts +0 MiB +[1-9][0-9]* MiB +[1-9][0-9]* MiB\n"));
  EXPECT_THAT(text, HasSubstr("distil    to do"));
  EXPECT_FALSE(fs::exists(config_.run.dir));
}

TEST_F(Steps, the_plan_of_a_run_under_way_reports_no_inputs) {
  config_.split.train_limit = 2;
  config_.experts = {"base"};  // reads no knowledge
  config_.eval.systems = {"base"};
  fs::create_directories(folder_ / "run");
  Experiment experiment(config_);
  EXPECT_THAT(plan(experiment), HasSubstr("2 training"));
  EXPECT_FALSE(fs::exists(folder_ / "run/inputs.json"));
}

}  // namespace
}  // namespace routedk::workflow
