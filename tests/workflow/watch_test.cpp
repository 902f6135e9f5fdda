#include "routedk/workflow/steps/watch.h"

#include "workflow/experiment_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class Watch : public testing::ExperimentFolder {
 protected:
  experts::RoutedModel model() const {
    experts::LoraOptions lora;
    const auto backbone = testing::real_model();
    const auto expert = std::make_shared<experts::Expert>("base", backbone->config(), lora);
    return {backbone, std::make_shared<experts::ExpertBank>(std::vector{expert})};
  }
  GroupGates gates_{{"base", std::make_shared<experts::SingleExpertGate>(0, 1)}};
};

TEST_F(Watch, shows_answers_to_validation_sessions_with_the_metrics_of_bundles) {
  config_.watch.answers = 2;
  const Experiment experiment(config_);
  const experts::RoutedModel routed = model();
  const train::Findings found = watch_answers(experiment, routed, gates_)("base");
  ASSERT_EQ(found.answers.size(), 2U);
  EXPECT_THAT(found.answers[0].text, HasSubstr("\"bundle1\""));
  EXPECT_THAT(found.metrics, Contains(Pair("parse_rate", 1.0)));
  EXPECT_THAT(found.warnings, IsEmpty());
}

TEST_F(Watch, shows_answers_to_examples_of_ones_own_and_how_many_equal_theirs) {
  config_.data.examples =
      folder_.write("own.jsonl", R"({"prompt": "Hi", "completion": "x", "expert": "base"})").string();
  config_.data.validation_examples = config_.data.examples;
  config_.experts = {"base"};
  config_.decode.max_new_tokens = 5;
  const Experiment experiment(config_);
  const experts::RoutedModel routed = model();
  const train::Findings found = watch_answers(experiment, routed, gates_)("base");
  ASSERT_EQ(found.answers.size(), 1U);
  EXPECT_FALSE(found.answers[0].text.empty());
  EXPECT_THAT(found.metrics, ElementsAre(Pair("exact_match", 0.0)));
}

TEST_F(Watch, watches_nothing_when_told_to_or_without_validation_data) {
  const experts::RoutedModel routed = model();
  config_.watch.answers = 0;
  EXPECT_FALSE(watch_answers(Experiment(config_), routed, gates_));
  config_.watch.answers = 4;
  config_.data.examples =
      folder_.write("own.jsonl", R"({"prompt": "Hi", "completion": "x", "expert": "base"})").string();
  config_.experts = {"base"};
  EXPECT_FALSE(watch_answers(Experiment(config_), routed, gates_));
}

}  // namespace
}  // namespace routedk::workflow
