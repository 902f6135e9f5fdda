#include "routedk/workflow/steps/learning_data.h"

#include "routedk/bundle/expert_input.h"
#include "routedk/core/random.h"

#include <algorithm>
#include <set>

#include "workflow/experiment_folder.h"
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

class LearningData : public testing::ExperimentFolder {
 protected:
  void SetUp() override {
    ExperimentFolder::SetUp();
    config_.split.train_limit = 20;
    config_.experts = {"base"};
    config_.eval.systems = {"base"};
  }
};

std::set<std::int64_t> ids(const std::vector<bundle::Session>& sessions) {
  std::set<std::int64_t> all;
  for (const bundle::Session& session : sessions) {
    all.insert(session.id);
  }
  return all;
}

TEST_F(LearningData, experts_and_router_learn_from_the_same_sessions_by_default) {
  const LearningSessions learning = learning_sessions(Experiment(config_));
  EXPECT_EQ(learning.experts.size(), 20U);
  EXPECT_EQ(ids(learning.experts), ids(learning.router));
}

TEST_F(LearningData, a_holdout_keeps_its_share_of_the_sessions_from_the_experts) {
  config_.router.data = RouterData::kHoldout;
  config_.router.holdout = 0.25;
  const LearningSessions learning = learning_sessions(Experiment(config_));
  EXPECT_EQ(learning.router.size(), 5U);
  EXPECT_EQ(learning.experts.size(), 15U);
  std::set<std::int64_t> all = ids(learning.experts);
  all.merge(ids(learning.router));
  EXPECT_EQ(all.size(), 20U);
  const Experiment experiment(config_);
  EXPECT_EQ(expert_examples(experiment, "base", 0).size(), 15U);
  EXPECT_EQ(router_examples(experiment).size(), 5U);
}

TEST_F(LearningData, shuffled_items_are_the_same_session_in_another_order_each_epoch_with_its_bundles) {
  config_.augment.shuffle_items = true;
  const Experiment experiment(config_);
  const auto augment = shuffled_items(experiment, {"base"});
  const auto& tokenizer = experiment.encoder().tokenizer();
  std::int64_t moved = 0;
  for (const train::Example& example : expert_examples(experiment, "base", 0)) {
    const train::Example first = augment(example, 0);
    EXPECT_EQ(first.key, example.key);
    EXPECT_EQ(augment(example, 0).prompt, first.prompt);
    moved += augment(example, 1).prompt != first.prompt ? 1 : 0;
  }
  EXPECT_GT(moved, 10);
  for (const bundle::Session& session : learning_sessions(experiment).experts) {
    const train::Example example{{}, {}, 0, random_key(static_cast<std::uint64_t>(session.id), "base", {0})};
    const train::Example shuffled = augment(example, 3);
    const std::string prompt = tokenizer.decode(shuffled.prompt, true);
    // The order of the items, read off the prompt; the answer must then name gold's items by it.
    bundle::Session read = session;
    const auto place = [&](const bundle::Item& item) {
      return std::min(prompt.find(": " + item.title + ", product"), prompt.find(": " + item.title + "}"));
    };
    std::sort(read.items.begin(), read.items.end(),
              [&](const auto& a, const auto& b) { return place(a) < place(b); });
    std::vector<std::int32_t> answer = shuffled.answer;
    answer.pop_back();
    EXPECT_EQ(tokenizer.decode(answer, true), bundle::gold_text(read)) << prompt;
  }
}

TEST_F(LearningData, without_the_option_nothing_is_shuffled) {
  EXPECT_FALSE(shuffled_items(Experiment(config_), {"base"}));
}

TEST_F(LearningData, examples_of_ones_own_go_to_their_expert_and_all_to_the_router) {
  config_.data.examples = folder_
                              .write("own.jsonl", R"({"prompt": "Hi", "completion": "Yo", "expert": "kind"}
{"prompt": "Bye", "completion": "Go", "expert": "curt"}
{"prompt": "Who", "completion": "Me", "expert": "curt"}
)")
                              .string();
  config_.experts = {"kind", "curt"};
  config_.data.dir = config_.prompts = "/nowhere";
  const Experiment experiment(config_);
  EXPECT_EQ(expert_examples(experiment, "kind", 0).size(), 1U);
  EXPECT_EQ(router_examples(experiment).size(), 3U);
  EXPECT_TRUE(validation_examples(experiment, "kind", 0).empty());
  const auto curt = expert_examples(experiment, "curt", 1);
  ASSERT_EQ(curt.size(), 2U);
  EXPECT_EQ(curt[0].group, 1);
  const auto& encoder = experiment.encoder();
  EXPECT_EQ(curt[0].prompt, encoder.prompt({{"user", "Bye"}}));
  EXPECT_EQ(curt[0].answer, encoder.answer("Go"));
}

}  // namespace
}  // namespace routedk::workflow
