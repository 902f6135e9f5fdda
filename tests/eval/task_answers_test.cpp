#include "routedk/eval/task_answers.h"

#include "routedk/core/error.h"

#include "decode/small_models.h"
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

using Strings = std::vector<std::string>;

TaskVote voted(const Strings& texts, const std::vector<double>& logprobs) {
  return vote_of(texts, logprobs);
}

TEST(TaskVote, the_most_frequent_text_wins_whatever_its_white_space) {
  const TaskVote vote = voted({"no", "yes ", "\nyes", "maybe"}, {-0.1, -3.0, -2.0, -0.2});
  EXPECT_EQ(vote.text, "\nyes") << "as its likeliest candidate has it";
  EXPECT_DOUBLE_EQ(vote.share, 0.5);
}

TEST(TaskVote, ties_go_to_the_likelier_and_then_to_the_smaller_text) {
  EXPECT_EQ(voted({"a", "b"}, {-2.0, -1.0}).text, "b");
  EXPECT_EQ(voted({"b", "a"}, {-1.0, -1.0}).text, "a");
  EXPECT_EQ(voted({"", "b", ""}, {-5.0, -1.0, -4.0}).text, "");
  EXPECT_DOUBLE_EQ(voted({"b"}, {-1.0}).share, 1.0);
}

TEST(TaskFigures, the_best_reference_counts) {
  EXPECT_EQ(exact_match(" a  b\n", Strings{"c", "a b"}), 1.0);
  EXPECT_EQ(exact_match("A b", Strings{"c", "a b"}), 0.0);
  EXPECT_DOUBLE_EQ(best_rouge_l("a b c d", Strings{"z", "a x c d", "a"}), 0.75);
  EXPECT_EQ(best_rouge_l("q", Strings{"z"}), 0.0);
}

TEST(TaskAnswer, is_read_as_it_was_written_and_refused_where_it_is_damaged) {
  const TaskAnswer answer{{3, 2}, 1.25, 4, "Hi\n", {"a", "b"}, {-1.5, -2.5}, {{0.25F, 0.75F}, {1.0F, 0.0F}},
                          0.5};
  const io::Json json = to_json(answer);
  EXPECT_EQ(to_json(task_answer_from_json({json, "answers.jsonl:1"})), json);
  const io::Json wrong = {{"line", 0},
                          {"turn", "1"},
                          {"loss", -1},
                          {"tokens", 0},
                          {"greedy", 5},
                          {"candidates", {"a"}},
                          {"logprobs", {-1.0, "y"}},
                          {"alpha", {{0.5, 0.5}, {1.0}}},
                          {"seconds", -1}};
  for (const auto& [key, value] : wrong.items()) {
    io::Json broken = json;
    broken[key] = value;
    EXPECT_THROW(task_answer_from_json({broken, "answers.jsonl:1"}), FileError) << key;
  }
}

const std::vector<train::Example>& examples() {
  static const std::vector<train::Example> all = {
      {{3, 9, 27, 11}, {5, 6, 0}, 0, 1}, {{2, 4}, {8, 10, 12, 14, 0}, 0, 2}, {{30, 31, 32}, {0}, 0, 3}};
  return all;
}

/// Of each token what logits that are recomputed for it say.
template <typename Logits>
double naive_loss(const train::Example& example, const Logits& logprobs) {
  double loss = 0.0;
  std::vector<std::int32_t> before;
  for (const std::int32_t token : example.answer) {
    loss -= logprobs(example.prompt, before)[token].template item<double>();
    before.push_back(token);
  }
  return loss;
}

class TaskLosses : public ::testing::Test {
 protected:
  std::vector<double> losses(const experts::Gate& gate, std::int64_t max_tokens) const {
    std::vector<const train::Example*> pointers;
    for (const train::Example& example : examples()) {
      pointers.push_back(&example);
    }
    return task_losses(model_, gate, pointers, max_tokens);
  }
  at::Tensor probabilities(const experts::Gate& gate, const std::vector<std::int32_t>& prompt,
                           const std::vector<std::int32_t>& before) const {
    return at::softmax(testing::recomputed_logits(model_, gate, prompt, before).to(at::kDouble), 0);
  }

  at::NoGradGuard no_grad_;
  experts::RoutedModel model_ = testing::small_model(testing::tiny_config(), false);
};

TEST_F(TaskLosses, are_those_of_recomputed_logits_under_the_alpha_of_the_prompt_however_packed) {
  const experts::RouterGate gate = testing::router_for(testing::tiny_config());
  const std::vector<double> together = losses(gate, 4096);
  const std::vector<double> apart = losses(gate, 1);
  for (std::size_t i = 0; i < together.size(); ++i) {
    const double wanted = naive_loss(examples()[i], [&](const auto& prompt, const auto& before) {
      return probabilities(gate, prompt, before).log();
    });
    EXPECT_NEAR(together[i], wanted, 1e-4);
    EXPECT_NEAR(apart[i], wanted, 1e-4);
  }
}

TEST_F(TaskLosses, of_an_ensemble_are_under_the_mean_of_its_members_distributions) {
  const std::vector<double> found = losses(experts::EnsembleGate(2), 4096);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double wanted = naive_loss(examples()[i], [&](const auto& prompt, const auto& before) {
      return ((probabilities(experts::SingleExpertGate(0, 2), prompt, before) +
               probabilities(experts::SingleExpertGate(1, 2), prompt, before)) /
              2)
          .log();
    });
    EXPECT_NEAR(found[i], wanted, 1e-4);
  }
}

}  // namespace
}  // namespace routedk::eval
