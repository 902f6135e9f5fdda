#include "routedk/core/error.h"
#include "routedk/experts/peft.h"
#include "routedk/experts/router_file.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/experiment/run.h"
#include "routedk/workflow/steps/steps.h"

#include <filesystem>
#include <map>
#include <utility>

#include "support/expect_close.h"
#include "workflow/experiment_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

/// Two experts and a router on five short examples of the test's own, with no bundle data in reach.
class TrainSteps : public testing::ExperimentFolder {
 protected:
  void SetUp() override {
    ExperimentFolder::SetUp();
    const std::string lines = R"({"prompt": "Hi", "completion": "Hello!", "expert": "kind"}
{"prompt": "Bye", "completion": "So long!", "expert": "kind"}
{"prompt": "Hi", "completion": "What?", "expert": "curt"}
{"prompt": "Bye", "completion": "Go.", "expert": "curt"}
{"prompt": "Tea?", "completion": "No.", "expert": "curt"}
)";
    config_.data.examples = folder_.write("own.jsonl", lines).string();
    config_.data.validation_examples = config_.data.examples;
    config_.data.dir = config_.prompts = "/nowhere";
    config_.experts = {"kind", "curt"};
    config_.lora.rank = 4;
    config_.train.epochs = 1;
    config_.train.batch_size = 3;
    config_.train.warmup = 0.0;
    config_.router.epochs = 1;
    config_.router.warmup = 0.0;
    config_.watch.answers = 1;
    config_.decode.max_new_tokens = 3;
    config_.decode.samples = 2;
    config_.eval.limit = 1;
    config_.eval.resamples = 20;
  }

  std::vector<io::Json> records() const {
    std::vector<io::Json> all;
    for (const char* step : {"train-kind", "router"}) {  // both experts' are with the first
      io::read_jsonl(folder_ / "run/steps" / step / "metrics.jsonl",
                     [&](const io::Json& line, std::int64_t) { all.push_back(line); });
    }
    return all;
  }
};

TEST_F(TrainSteps, a_run_on_examples_of_ones_own_trains_experts_and_a_static_router) {
  config_.router.kind = experts::RouterKind::kStatic;
  config_.router.entropy_weight = -0.1;
  config_.router.balance_weight = 0.1;
  Experiment experiment(config_);
  run_experiment(experiment);
  const auto& shape = experiment.backbone()->config();
  for (const char* name : {"kind", "curt"}) {
    const auto expert = experts::load_peft(experiment.expert_folder(name), name, shape);
    EXPECT_GT(expert.factors(0, model::Linear::kQ).bt.abs().max().item<float>(), 0.0F) << name;
  }
  const auto router = experts::load_router(experiment.router_folder(), shape);
  EXPECT_TRUE(router.gate.options().is_static());
  EXPECT_EQ(router.experts, config_.experts);
  EXPECT_GT(router.gate.bias(0).abs().max().item<float>(), 0.0F);
  bool watched = false;
  bool gates = false;
  for (const io::Json& record : records()) {
    watched = watched || (record.contains("answers") && record["metrics"].contains("exact_match"));
    gates = gates || (record["job"] == "router" && record.contains("gates") && record["gates"].size() == 30);
  }
  EXPECT_TRUE(watched);
  EXPECT_TRUE(gates);
  const io::Json found = io::read_json(folder_ / "run/results.json");
  for (const char* name : {"backbone", "kind", "curt", "average", "static", "static vote n=2"}) {
    EXPECT_GT(found["systems"].at(name)["loss"].get<double>(), 0.0) << name;
  }
  EXPECT_EQ(found["systems"].size(), 10U);
}

TEST_F(TrainSteps, without_an_example_to_evaluate_the_run_ends_with_experts_and_router) {
  config_.data.validation_examples = "";
  config_.watch.answers = 0;
  Experiment experiment(config_);
  run_experiment(experiment);
  EXPECT_TRUE(std::filesystem::exists(experiment.router_folder()));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run/results.json"));
  EXPECT_THROW(evaluate_step(experiment), ConfigError);
}

TEST_F(TrainSteps, an_evaluation_without_its_experts_is_refused_before_anything_is_answered) {
  config_.eval.systems = {"backbone", "kind"};
  Experiment experiment(config_);
  EXPECT_THAT(testing::message_of<ConfigError>([&] { evaluate_step(experiment); }),
              ::testing::HasSubstr("train-kind"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "store"));
}

TEST_F(TrainSteps, controls_learn_from_examples_of_ones_own_too) {
  config_.eval.systems = {"one_lora_on_router_data", "random_experts", "ensemble"};
  config_.decode.temperature = 0.0;
  config_.watch.answers = 0;
  Experiment experiment(config_);
  run_experiment(experiment);
  const io::Json found = io::read_json(folder_ / "run/results.json");
  EXPECT_EQ(found["systems"].size(), 3U) << "greedy answers need no vote";
}

TEST_F(TrainSteps, an_expert_that_starts_from_an_adapter_begins_with_its_numbers) {
  const auto shape = testing::real_model()->config();
  experts::LoraOptions lora;
  lora.rank = 3;
  experts::Expert start("start", shape, lora);
  start.parameters().values().fill_(1e-3);
  experts::save_peft(start, folder_ / "start", config_.model.path);
  config_.lora.init_adapter = (folder_ / "start").string();
  config_.train.learning_rate = 1e-9;
  Experiment experiment(config_);
  train_step(experiment, {"kind"});
  const auto trained = experts::load_peft(experiment.expert_folder("kind"), "kind", shape);
  ASSERT_EQ(trained.parameters().size(), start.parameters().size());
  testing::expect_close(trained.parameters().values(), start.parameters().values(), {0.0, 1e-7});
}

TEST_F(TrainSteps, experts_adapt_the_linears_asked_for_and_no_others) {
  config_.lora.targets = {model::Linear::kDown, model::Linear::kV};
  config_.eval.systems = {"one_lora_on_router_data", "random_experts", "dynamic"};
  config_.watch.answers = 0;
  Experiment experiment(config_);
  // 30 layers of rank 4: v 576 + 192, down 1536 + 576
  EXPECT_THAT(plan(experiment), ::testing::HasSubstr("each: 345600 parameters"));
  run_experiment(experiment);
  const std::filesystem::path controls = folder_ / "run/controls";
  for (const std::filesystem::path& folder :
       {experiment.expert_folder("kind"), controls / "one_lora_on_router_data",
        controls / "random_experts/experts/kind"}) {
    EXPECT_EQ(io::read_json(folder / "adapter_config.json")["target_modules"],
              io::Json({"v_proj", "down_proj"}))
        << folder;
  }
  const auto trained =
      experts::load_peft(experiment.expert_folder("kind"), "kind", experiment.backbone()->config());
  trained.for_each([](std::int64_t layer, model::Linear linear, const experts::LoraFactors& factors) {
    EXPECT_TRUE(linear == model::Linear::kV || linear == model::Linear::kDown) << name_of(linear);
    EXPECT_GT(factors.bt.abs().max().item<float>(), 0.0F) << layer << ' ' << name_of(linear);
  });
  EXPECT_GT(io::read_json(folder_ / "run/results.json")["systems"]["dynamic"]["loss"].get<double>(), 0.0);
}

TEST_F(TrainSteps, an_adapter_that_is_refused_leaves_no_trace_of_a_run) {
  const auto shape = testing::real_model()->config();
  for (const char* name : {"kind", "curt"}) {
    const experts::Expert expert(name, shape, experts::LoraOptions{.rank = 2, .alpha = 4.0});
    experts::save_peft(expert, folder_ / name, config_.model.path);
    config_.adapters.push_back({name, (folder_ / name).string()});
  }
  io::Json settings = io::read_json(folder_ / "curt/adapter_config.json");
  settings["use_dora"] = true;
  io::write_json(folder_ / "curt/adapter_config.json", settings);
  const auto refused = [&](const auto& start) {
    Experiment experiment(config_);
    EXPECT_THAT(testing::message_of<FileError>([&] { start(experiment); }), ::testing::HasSubstr("use_dora"));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "store"));
  };
  refused([](Experiment& experiment) { router_step(experiment); });
  refused([](Experiment& experiment) { run_experiment(experiment); });
  config_.adapters.clear();
  config_.lora.init_adapter = (folder_ / "curt").string();
  refused([](Experiment& experiment) { train_step(experiment, {"kind"}); });
  refused([](Experiment& experiment) { run_experiment(experiment); });
}

TEST_F(TrainSteps, the_plan_counts_adapters_by_their_own_ranks_and_trains_none_of_them) {
  const auto shape = testing::real_model()->config();
  for (const auto& [name, target] :
       {std::pair("kind", model::Linear::kQ), std::pair("curt", model::Linear::kV)}) {
    experts::LoraOptions lora{.rank = 2, .alpha = 4.0};
    lora.targets = {target};
    experts::save_peft(experts::Expert(name, shape, lora), folder_ / name, config_.model.path);
    config_.adapters.push_back({name, (folder_ / name).string()});
  }
  Experiment mixed(config_);
  const std::string text = plan(mixed);
  // 30 layers of rank 2: q 576 + 576, v 576 + 192
  EXPECT_THAT(text, ::testing::HasSubstr(
                        "adapters  kind (69120 parameters), curt (46080 parameters): taken as they are\n"));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("each: ")));
  EXPECT_THAT(text, ::testing::HasSubstr(" of the router's step"));
  EXPECT_THAT(text, ::testing::ContainsRegex("memory +router +evaluate\n"));
  EXPECT_THAT(text, ::testing::ContainsRegex("memory +frozen experts +1 MiB +1 MiB\n"));
  config_.adapters.pop_back();
  Experiment one_trained(config_);
  const std::string with_training = plan(one_trained);
  EXPECT_THAT(with_training, ::testing::HasSubstr("experts   curt; each: "));
  EXPECT_THAT(with_training, ::testing::ContainsRegex("memory +train +router +evaluate\n"));
}

TEST_F(TrainSteps, router_options_reach_the_saved_router) {
  config_.router.scale = experts::AlphaScale::kKSoftmax;
  config_.router.granularity = experts::Granularity::kGlobal;
  config_.router.pool_norm = experts::PoolNorm::kRms;
  config_.router.temperature = 2.0;
  config_.router.top_k = 1;
  config_.watch.answers = 0;
  Experiment experiment(config_);
  run_experiment(experiment);
  const auto router = experts::load_router(experiment.router_folder(), experiment.backbone()->config());
  const experts::RouterOptions expected{.granularity = experts::Granularity::kGlobal,
                                        .scale = experts::AlphaScale::kKSoftmax,
                                        .temperature = 2.0,
                                        .top_k = 1,
                                        .pool_norm = experts::PoolNorm::kRms};
  EXPECT_EQ(router.gate.options(), expected);
}

TEST_F(TrainSteps, expected_utility_follows_likelihood_for_experts_and_router_and_is_not_redone) {
  for (train::TrainConfig* training : {&config_.train, static_cast<train::TrainConfig*>(&config_.router)}) {
    training->objective = train::ObjectiveKind::kExpectedUtility;
    training->expected_utility.utility = train::TrainUtility::kExact;
    training->expected_utility.samples = 2;
    training->expected_utility.steps = 2;
    training->expected_utility.batch_size = 2;
    training->expected_utility.max_new_tokens = 3;
    training->expected_utility.likelihood_weight = 1.0;  // the draws of two steps are seldom exact
  }
  {
    Experiment experiment(config_);
    run_experiment(experiment);
  }
  std::map<std::string, int> steps;
  std::map<std::string, int> validations;
  for (const io::Json& record : records()) {
    const std::string job = record["job"].get<std::string>();
    steps[job] += record.contains("loss") ? 1 : 0;
    EXPECT_EQ(record.contains("samples"), record.contains("loss") && job.ends_with("expected_utility"));
    validations[job] += record.contains("validation_utility") ? 1 : 0;
  }
  EXPECT_EQ(steps["train_expected_utility"], 4) << "of two experts";
  EXPECT_EQ(steps["router_expected_utility"], 2);
  EXPECT_EQ(validations["train_expected_utility"], 2);
  EXPECT_EQ(validations["train"], 0);
  const auto shape = testing::real_model()->config();
  const auto values_of = [&] {
    const auto expert = experts::load_peft(folder_ / "run/experts/kind", "kind", shape);
    return expert.parameters().values().clone();
  };
  const at::Tensor first = values_of();
  const std::size_t lines = records().size();
  for (const char* step :
       {"train-kind", "train-curt", "router"}) {  // as if killed before they counted as done
    std::filesystem::remove(folder_ / "run/steps" / step / "step.json");
  }
  Experiment again(config_);
  run_experiment(again);
  testing::expect_equal(values_of(), first);
  EXPECT_EQ(records().size(), lines + 4) << "each phase says alone where it goes on";
}

}  // namespace
}  // namespace routedk::workflow
