#include "routedk/workflow/steps/steps.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/log.h"

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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const fs::path kSource = ROUTEDK_SOURCE_DIR;
const StepId kDistilled{StepKind::kDistil};
const StepId kBase{StepKind::kTrain, "base"};
const StepId kRouted{StepKind::kRouter};
const StepId kDynamic{StepKind::kAnswer, "dynamic"};

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

  std::string key(const StepId& id) const { return Experiment(config_).step(id).key; }

  testing::TemporaryFolder folder_;
  ExperimentConfig config_;
};

TEST_F(Steps, a_done_step_is_skipped_and_a_second_run_opens_it_no_more) {
  {
    Experiment experiment(config_);
    EXPECT_TRUE(begin_step(experiment, kDistilled));
    EXPECT_FALSE(is_done(experiment, kDistilled));
    mark_done(experiment, {kDistilled});
  }
  Experiment experiment(config_);
  EXPECT_FALSE(begin_step(experiment, kDistilled));
  EXPECT_TRUE(is_done(experiment, kDistilled));
  EXPECT_FALSE(is_done(experiment, kBase));
}

TEST_F(Steps, a_split_without_training_sessions_is_refused_where_something_is_trained) {
  config_.split.test_per_length = 5'000'000'000;
  EXPECT_THAT(testing::message_of<ConfigError>([&] { Experiment experiment(config_); }),
              ::testing::AllOf(HasSubstr("at least 1 training session for train-base"),
                               HasSubstr("split.test_per_length (5000000000)")));
  config_.eval.systems = {"backbone"};
  EXPECT_TRUE(Experiment(config_).split().train.empty());
}

TEST_F(Steps, a_rank_is_at_most_the_models_hidden_size) {
  config_.lora.rank = 576;
  EXPECT_EQ(Experiment(config_).config().lora.rank, 576);
  config_.lora.rank = 577;
  EXPECT_THAT(testing::message_of<ConfigError>([&] { Experiment experiment(config_); }),
              HasSubstr("`lora.rank` must be at most 576, the model's hidden size, but is 577"));
}

TEST_F(Steps, other_settings_prompts_or_data_are_another_step_and_the_old_one_stays) {
  {
    Experiment experiment(config_);
    begin_step(experiment, kBase);
    mark_done(experiment, {kBase});
  }
  const std::string before = key(kBase);
  std::ofstream(fs::path(config_.prompts) / "raw.txt", std::ios::app) << "\n";
  EXPECT_NE(key(kBase), before);
  {
    Experiment experiment(config_);
    EXPECT_FALSE(is_done(experiment, kBase));
    EXPECT_THAT(testing::message_of<ConfigError>([&] { require_done(experiment, kBase, "routedk-train"); }),
                HasSubstr("prompts.contents: changed"));
    EXPECT_TRUE(begin_step(experiment, kBase));
    EXPECT_EQ(fs::canonical(folder_ / "run/steps/train-base"), fs::canonical(experiment.step_folder(kBase)));
  }
  fs::remove(fs::path(config_.prompts) / "raw.txt");
  fs::copy(kSource / "configs/prompts/raw.txt", fs::path(config_.prompts) / "raw.txt");
  EXPECT_EQ(key(kBase), before);
  EXPECT_TRUE(is_done(Experiment(config_), kBase));
}

TEST_F(Steps, what_changed_is_seen_from_the_run_folders_own_step) {
  const auto make = [this](const std::string& run, double rate, std::int64_t epochs) {
    config_.run.dir = (folder_ / run).string();
    config_.train.learning_rate = rate;
    config_.train.epochs = epochs;
    Experiment experiment(config_);
    begin_step(experiment, kBase);
    mark_done(experiment, {kBase});
  };
  const auto refusal = [this](const std::string& run) {
    config_.run.dir = (folder_ / run).string();
    const Experiment experiment(config_);
    return testing::message_of<ConfigError>([&] { require_done(experiment, kBase, "routedk-train"); });
  };
  make("run", 5e-4, 1);
  make("other", 5e-4, 2);  // the newest in the store that both share
  config_.train.learning_rate = 1e-4;
  config_.train.epochs = 1;
  EXPECT_THAT(refusal("run"),
              HasSubstr("(changed since this run's last: train.learning_rate: 0.0005 -> 0.0001); run "));
  EXPECT_THAT(
      refusal("third"),
      ContainsRegex("\\(not in this run; unlike the store's newest: .*train.learning_rate: 0.0005 -> "));
}

TEST_F(Steps, a_setting_that_changes_no_number_changes_no_key) {
  const std::string base = key(kBase);
  const std::string router = key(kRouted);
  const std::string answers = key(kDynamic);
  config_.train.checkpoint_every += 1;
  config_.train.prepare_ahead = !config_.train.prepare_ahead;
  config_.train.recompute = !config_.train.recompute;
  config_.train.learning_rates = {{"high_level", 1e-3}};  // of another expert
  EXPECT_EQ(key(kBase), base);
  config_.train.learning_rates = {};
  config_.router.prepare_ahead = !config_.router.prepare_ahead;
  config_.decode.batch_sessions += 1;
  config_.decode.select = eval::SelectRule::kMbr;  // a choice among the same candidates
  config_.eval.systems = {"dynamic"};
  EXPECT_EQ(key(kRouted), router);
  EXPECT_EQ(key(kDynamic), answers);
}

TEST_F(Steps, a_setting_changes_the_keys_of_what_depends_on_it_and_no_others) {
  const StepId base_answers{StepKind::kAnswer, "base"};
  const auto keys = [&] {
    return std::vector{key(kDistilled),
                       key(kBase),
                       key({StepKind::kTrain, "high_level"}),
                       key(kRouted),
                       key(base_answers),
                       key(kDynamic),
                       key({StepKind::kEvaluate})};
  };
  const auto changed_by = [&](const auto& change) {
    const ExperimentConfig whole = config_;
    const auto before = keys();
    change();
    const auto after = keys();
    config_ = whole;
    std::string marks;
    for (std::size_t i = 0; i < before.size(); ++i) {
      marks += before[i] == after[i] ? '.' : 'x';
    }
    return marks;
  };
  EXPECT_EQ(changed_by([&] { config_.teacher.rules_per_session += 1; }), "x.xx.xx");  // base reads no rules
  EXPECT_EQ(changed_by([&] { config_.knowledge.domain_rules += 1; }), ".......")
      << "a session's rules are shown";
  config_.knowledge.rules = bundle::RuleSource::kBoth;
  EXPECT_EQ(changed_by([&] { config_.knowledge.domain_rules += 1; }), "..xx.xx");
  config_.knowledge.rules = bundle::RuleSource::kSession;
  EXPECT_EQ(changed_by([&] { config_.train.learning_rate *= 2.0; }), ".xxxxxx");
  EXPECT_EQ(changed_by([&] { config_.train.learning_rates = {{"base", 1e-3}}; }), ".x.xxxx");
  EXPECT_EQ(changed_by([&] { config_.train.max_steps = 2; }), ".xxxxxx");
  EXPECT_EQ(changed_by([&] { config_.router.max_steps = 2; }), "...x.xx");
  EXPECT_EQ(changed_by([&] { config_.router.temperature = 2.0; }), "...x.xx");
  EXPECT_EQ(changed_by([&] { config_.router.data = RouterData::kHoldout; }), ".xxxxxx");
  EXPECT_EQ(changed_by([&] { config_.decode.samples += 1; }), "....xxx");
  EXPECT_EQ(changed_by([&] { config_.eval.resamples += 1; }), "......x");
  EXPECT_EQ(changed_by([&] { config_.split.train_limit = 7; }), "xxxxxxx");
  EXPECT_EQ(changed_by([&] { config_.data.with = {"food"}; }), "xxxxxxx");
  EXPECT_EQ(changed_by([&] { config_.data.with = {config_.data.domain}; }), ".......");
  EXPECT_EQ(changed_by([&] { config_.lora.rank *= 2; }), ".xxxxxx");
  EXPECT_EQ(changed_by([&] { config_.lora.targets.pop_back(); }), ".xxxxxx");
  EXPECT_EQ(changed_by([&] { std::ranges::reverse(config_.lora.targets); }), ".......");
  EXPECT_FALSE(Experiment(config_).step(kBase).settings.contains("lora.targets"))
      << "keys that are older than the setting mean all";
}

TEST_F(Steps, an_adapter_to_start_from_is_known_by_its_contents_and_not_by_its_place) {
  const auto write = [&](const char* name, const std::string& weights) {
    fs::create_directories(folder_ / name);
    write_file_atomic(folder_ / name / "adapter_config.json", "{}");
    write_file_atomic(folder_ / name / "adapter_model.safetensors", weights);
    return (folder_ / name).string();
  };
  config_.lora.init_adapter = write("start", "one");
  const std::string first = key(kBase);
  config_.lora.init_adapter = write("moved", "one");
  EXPECT_EQ(key(kBase), first);
  config_.lora.targets.pop_back();  // an adapter has its own
  EXPECT_EQ(key(kBase), first);
  write("moved", "two");
  EXPECT_NE(key(kBase), first);
}

TEST_F(Steps, only_what_the_evaluated_systems_need_is_needed) {
  const auto needed = [&] {
    std::vector<std::string> names;
    const Experiment experiment(config_);
    for (const Step* step : needed_steps(experiment.steps())) {
      names.push_back(to_string(step->id));
    }
    return names;
  };
  config_.eval.systems = {"backbone"};
  EXPECT_THAT(needed(), ElementsAre("answer-backbone", "evaluate"));
  config_.eval.systems = {"base"};
  EXPECT_THAT(needed(), ElementsAre("train-base", "answer-base", "evaluate"));
  config_.eval.systems = {"top_k:1"};
  EXPECT_THAT(needed(), ElementsAre("distil", "train-base", "train-high_level", "train-fine_grained",
                                    "router", "answer-top_k:1", "evaluate"));
  config_.eval.systems = {"one_lora_on_router_data"};
  EXPECT_THAT(needed(),
              ElementsAre("controls-one_lora_on_router_data", "answer-one_lora_on_router_data", "evaluate"));
}

TEST_F(Steps, doing_the_router_again_forgets_what_follows_and_keeps_the_experts) {
  config_.eval.systems = {"base", "dynamic"};
  Experiment experiment(config_);
  const StepId base_answers{StepKind::kAnswer, "base"};
  for (const StepId& id : {kDistilled, kBase, kRouted, base_answers, kDynamic}) {
    begin_step(experiment, id);
    write_file_atomic(experiment.step_folder(id) / "metrics.jsonl", "{}\n");
    mark_done(experiment, {id});
  }
  write_file_atomic(experiment.knowledge_file(), "paid for\n");
  forget_from(experiment, StepKind::kRouter);
  EXPECT_TRUE(is_done(experiment, kDistilled));
  EXPECT_TRUE(is_done(experiment, kBase));
  EXPECT_FALSE(is_done(experiment, kRouted));
  EXPECT_FALSE(fs::exists(experiment.step_folder(kRouted) / "metrics.jsonl"));
  EXPECT_FALSE(is_done(experiment, kDynamic));
  forget_from(experiment, StepKind::kDistil);
  EXPECT_FALSE(is_done(experiment, kBase));
  EXPECT_EQ(read_file(experiment.knowledge_file()), "paid for\n");
}

TEST_F(Steps, results_of_earlier_experts_leave_the_run_folder_when_others_are_linked) {
  config_.eval.systems = {"backbone", "dynamic"};
  const auto run_to = [&](StepKind last) {  // as if every step were done
    Experiment experiment(config_);
    for (const Step* step : needed_steps(experiment.steps())) {
      if (step->id.kind <= last && begin_step(experiment, step->id)) {
        mark_done(experiment, {step->id});
      }
    }
  };
  const auto has = [&](const char* place) { return fs::is_symlink(folder_ / "run" / place); };
  run_to(StepKind::kEvaluate);
  config_.eval.name = "two";
  config_.decode.samples += 1;
  run_to(StepKind::kEvaluate);
  EXPECT_TRUE(has("results.html")) << "the evaluation of another name has answers of its own";
  EXPECT_TRUE(has("steps/evaluate"));
  EXPECT_TRUE(has("evaluations/two/results.html"));

  config_.train.learning_rate *= 2.0;
  run_to(StepKind::kTrain);
  EXPECT_TRUE(has("experts/base"));
  EXPECT_TRUE(has("steps/answer-backbone")) << "it rests on no expert";
  for (const char* place :
       {"router", "results.html", "summary.txt", "answers", "evaluations/two/results.html", "steps/router",
        "steps/answer-dynamic", "steps/evaluate", "steps/evaluate-two"}) {
    EXPECT_FALSE(has(place)) << place;
  }
  config_.train.learning_rate /= 2.0;
  run_to(StepKind::kEvaluate);
  EXPECT_TRUE(has("evaluations/two/results.html")) << "the store has kept it";
  EXPECT_TRUE(has("router"));
}

TEST_F(Steps, results_leave_the_run_folder_with_the_answers_that_they_were_made_of) {
  config_.eval.systems = {"backbone"};
  const StepId evaluated{StepKind::kEvaluate};
  const StepId answered{StepKind::kAnswer, "backbone"};
  {
    Experiment experiment(config_);
    for (const StepId& id : {answered, evaluated}) {
      begin_step(experiment, id);
      mark_done(experiment, {id});
    }
  }
  config_.decode.samples += 1;
  Experiment experiment(config_);
  begin_step(experiment, answered);
  EXPECT_FALSE(fs::is_symlink(folder_ / "run/results.json"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "run/steps/answer-backbone"));
}

TEST_F(Steps, a_run_folder_of_an_earlier_version_is_named_and_left_alone) {
  fs::create_directories(folder_ / "run/experts/base");
  Experiment experiment(config_);
  EXPECT_THAT(testing::message_of<ConfigError>([&] { begin_step(experiment, kBase); }),
              HasSubstr("give another run.dir"));
}

TEST_F(Steps, examples_beyond_the_context_are_refused_with_their_lines) {
  std::string text;
  for (int i = 0; i < 40000; ++i) {
    text += "a ";
  }
  config_.data.examples = folder_
                              .write("own.jsonl", R"({"prompt": "Hi", "completion": "x", "expert": "kind"})"
                                                  "\n\n"
                                                  R"({"prompt": ")" +
                                                      text + R"(", "completion": "x", "expert": "kind"})")
                              .string();
  config_.experts = {"kind"};
  const std::string message = testing::message_of<DataError>([&] { Experiment experiment(config_); });
  EXPECT_THAT(message, HasSubstr("1 of 2"));
  EXPECT_THAT(message, HasSubstr("own.jsonl:3 with "));
}

TEST_F(Steps, the_plan_refuses_what_a_run_would) {
  config_.split.test_per_length = 10'000;
  const auto refusal = [this] {
    return testing::message_of<ConfigError>([&] {
      Experiment experiment(config_);
      plan(experiment);
    });
  };
  EXPECT_THAT(refusal(), HasSubstr("at least 1 training session"));
  {
    config_.eval.systems = {"backbone"};
    Experiment experiment(config_);
    EXPECT_THROW(distil_step(experiment), ConfigError);
    EXPECT_FALSE(fs::exists(folder_ / "store"));
  }
  config_.eval.systems.clear();
  config_.split.test_per_length.reset();
  config_.prompt.max_tokens = 10;
  {
    Experiment experiment(config_);
    ::testing::internal::CaptureStderr();
    init_log("warning");
    plan(experiment);
    EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("longer than prompt.max_tokens, 10"));
    init_log("info");
  }
  config_.run.dir = "/proc/run";
  EXPECT_THAT(refusal(), HasSubstr("`run.dir` must be a folder that can be written, but is /proc/run"));
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
  EXPECT_THAT(text, ContainsRegex("tokens +[0-9]+ of an expert's step"));
  EXPECT_THAT(text, HasSubstr("memory    of sessions alone: rules and thoughts, still to be distilled"));
  EXPECT_THAT(text, HasSubstr("memory    predicted peak"));
  EXPECT_THAT(text, ContainsRegex("memory +train +router +evaluate\n"));
  EXPECT_THAT(text, ContainsRegex("memory +8-bit copy +- +- +[1-9][0-9]* MiB\n"));
  EXPECT_THAT(text, ContainsRegex("memory +frozen experts +0 MiB +[1-9][0-9]* MiB +[1-9][0-9]* MiB\n"));
  EXPECT_THAT(text, ContainsRegex("\ndistil +to do\ntrain-base +to do\n"));
  EXPECT_FALSE(fs::exists(config_.run.dir));
  EXPECT_FALSE(fs::exists(folder_ / "store"));

  config_.train.max_steps = 4;
  Experiment shorter(config_);
  EXPECT_THAT(plan(shorter), HasSubstr("20 sessions, less than 3 epochs, 4 optimiser steps"));
}

}  // namespace
}  // namespace routedk::workflow
