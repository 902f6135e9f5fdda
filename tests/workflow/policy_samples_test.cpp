#include "routedk/workflow/steps/policy_samples.h"

#include "routedk/bundle/answer.h"
#include "routedk/bundle/utility.h"
#include "routedk/text/rouge.h"
#include "routedk/workflow/steps/learning_data.h"

#include <algorithm>
#include <memory>
#include <set>

#include "support/expect_close.h"
#include "workflow/experiment_folder.h"
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using Ids = std::vector<std::int32_t>;

/// The backbone alone answers a few training sessions of the sample.
class PolicySamples : public testing::ExperimentFolder {
 protected:
  void SetUp() override {
    ExperimentFolder::SetUp();
    if (IsSkipped()) {
      return;
    }
    config_.split.train_limit = 3;
    config_.experts = {"base"};
    config_.eval.systems = {"base"};
    config_.train.expected_utility.samples = 5;
    config_.train.expected_utility.max_new_tokens = 60;
  }

  train::SampleFn sampler(const Experiment& experiment, const experts::RoutedModel& model) const {
    return policy_samples(experiment, model, {{"base", gate_}}, experiment.config().train);
  }

  experts::RoutedModel model_ = experts::without_experts(testing::real_model());
  std::shared_ptr<const experts::Gate> gate_ = std::make_shared<experts::SingleExpertGate>(-1, 1);
  std::string group_ = "base";
};

std::vector<const train::Example*> pointers_to(const std::vector<train::Example>& examples) {
  std::vector<const train::Example*> all;
  std::transform(examples.begin(), examples.end(), std::back_inserter(all), [](const auto& e) { return &e; });
  return all;
}

std::set<Ids> ids_of(const train::PromptSamples& samples) {
  std::set<Ids> all;
  for (const train::SampledAnswer& answer : samples) {
    all.insert(answer.ids);
  }
  return all;
}

TEST_F(PolicySamples, of_sessions_are_canonical_answers_with_what_was_allowed_and_their_utility) {
  const Experiment experiment(config_);
  const auto examples = raw_expert_examples(experiment, "base", 0);
  const auto all = sampler(experiment, model_)({group_, pointers_to(examples), 0, false});
  ASSERT_EQ(all.size(), examples.size());
  const auto& tokenizer = experiment.encoder().tokenizer();
  const std::vector<bundle::Session> sessions = learning_sessions(experiment).experts;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::int64_t count = 0;
    const bundle::Session& session = sessions[i];
    for (const train::SampledAnswer& answer : all[i]) {
      count += answer.count;
      ASSERT_EQ(answer.allowed.size(), answer.ids.size());
      for (std::size_t token = 0; token < answer.ids.size(); ++token) {
        const Ids& allowed = answer.allowed[token];
        EXPECT_EQ(std::count(allowed.begin(), allowed.end(), answer.ids[token]), 1);
      }
      if (!answer.finished) {
        EXPECT_EQ(answer.utility, 0.0);
        continue;
      }
      const std::string text = tokenizer.decode(Ids(answer.ids.begin(), answer.ids.end() - 1), true);
      const auto parsed = bundle::parse_answer(text, static_cast<int>(session.items.size()));
      ASSERT_TRUE(parsed) << text;
      const auto score = bundle::score_session(session, bundle::to_items(session, *parsed));
      EXPECT_NEAR(answer.utility, bundle::utility(bundle::Utility::kMean, score), 1e-12) << text;
    }
    EXPECT_EQ(count, 5);
    EXPECT_EQ(ids_of(all[i]).size(), all[i].size()) << "each answer once";
  }
}

TEST_F(PolicySamples, depend_on_the_step_and_the_example_and_not_on_what_is_beside_it) {
  config_.decode.batch_sessions = 2;
  const Experiment experiment(config_);
  const auto examples = raw_expert_examples(experiment, "base", 0);
  const train::SampleFn sample = sampler(experiment, model_);
  const auto all = sample({group_, pointers_to(examples), 4, false});
  const auto alone = sample({group_, {&examples[1]}, 4, false});
  const auto later = sample({group_, {&examples[1]}, 5, false});
  ASSERT_EQ(alone[0].size(), all[1].size());
  for (std::size_t i = 0; i < alone[0].size(); ++i) {
    EXPECT_EQ(alone[0][i].ids, all[1][i].ids);
    EXPECT_EQ(alone[0][i].logprob, all[1][i].logprob);
  }
  EXPECT_NE(ids_of(later[0]), ids_of(alone[0]));
  const auto greedy = sample({group_, {&examples[1]}, 4, true});
  ASSERT_EQ(greedy[0].size(), 1U);
  EXPECT_EQ(greedy[0][0].count, 1);
  EXPECT_EQ(ids_of(sample({group_, {&examples[1]}, 9, true})[0]), ids_of(greedy[0]));
}

/// The gold answer of an example whose items were renumbered is what it must answer.
TEST_F(PolicySamples, the_example_s_own_answer_is_worth_1) {
  config_.augment.shuffle_items = true;
  const Experiment experiment(config_);
  const auto examples = raw_expert_examples(experiment, "base", 0);
  const train::AugmentFn shuffle = shuffled_items(experiment, {});
  train::Example moved = examples[0];
  for (std::int64_t epoch = 0; moved.prompt == examples[0].prompt; ++epoch) {
    ASSERT_LT(epoch, 20);
    moved = shuffle(examples[0], epoch);
  }
  const train::SampleFn sample = sampler(experiment, model_);
  const auto drawn = sample({group_, {&moved}, 0, true});
  moved.answer = drawn[0][0].ids;
  ASSERT_TRUE(drawn[0][0].finished);
  EXPECT_EQ(sample({group_, {&moved}, 0, true})[0][0].utility, 1.0);
}

/// What is drawn to a prompt decides which reference is which: exactly it, its words alone, or none of them.
TEST_F(PolicySamples, of_ones_own_examples_are_worth_what_the_best_reference_says) {
  const auto drawn_with = [&](const std::string& references, train::TrainUtility utility) {
    const std::string line = R"({"prompt": "Say hello", "completion": "Zyx", "expert": "base")" + references;
    config_.data.examples = folder_.write("own.jsonl", line + "}\n").string();
    config_.train.expected_utility.utility = utility;
    config_.train.expected_utility.max_new_tokens = 200;
    const Experiment experiment(config_);
    const auto examples = raw_expert_examples(experiment, "base", 0);
    auto answer = sampler(experiment, model_)({group_, pointers_to(examples), 0, true})[0][0];
    EXPECT_TRUE(answer.finished);
    const Ids written(answer.ids.begin(), answer.ids.end() - 1);
    return std::pair(experiment.encoder().tokenizer().decode(written, true), answer.utility);
  };
  const auto reference = [](const std::string& text) { return ", \"reference\": " + io::Json(text).dump(); };
  const auto [text, none] = drawn_with("", train::TrainUtility::kExact);
  EXPECT_EQ(none, 0.0) << text;
  EXPECT_EQ(drawn_with(reference(text), train::TrainUtility::kExact).second, 1.0);
  EXPECT_EQ(drawn_with(reference(text + " ..."), train::TrainUtility::kExact).second, 0.0);
  EXPECT_EQ(drawn_with(reference(text + " ..."), train::TrainUtility::kRougeL).second, 1.0);
  const std::string list = ", \"reference\": " + io::Json({"zyx", text + " zyx"}).dump();
  const double some = drawn_with(list, train::TrainUtility::kRougeL).second;
  EXPECT_NEAR(some, text::rouge_l(text, text + " zyx"), 1e-12);
  EXPECT_GT(some, 0.0);
  EXPECT_LT(some, 1.0);
}

}  // namespace
}  // namespace routedk::workflow
