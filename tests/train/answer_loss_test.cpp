#include "routedk/train/answer_loss.h"

#include "routedk/experts/router.h"

#include <array>
#include <utility>

#include "support/expect_close.h"
#include "train/tiny_model.h"
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using experts::SingleExpertGate;

class AnswerLoss : public ::testing::TestWithParam<bool> {
 protected:
  AnswerLoss() : model_(testing::tiny_model({32, 64, GetParam()})) {
    for (int i = 0; i < testing::kTinyExperts; ++i) {
      testing::randomise(expert(i), static_cast<std::uint64_t>(i), 0.3);
    }
  }
  experts::FlatParameters& expert(int i) { return model_.bank()[i].parameters(); }

  /// The first expert's gate and a router, both trainable, with what each trains.
  std::array<std::pair<const experts::Gate*, experts::FlatParameters*>, 2> trained_gates() {
    expert(0).set_trainable(true);
    model_.bank().freeze(at::kFloat);
    testing::randomise(router_.parameters(), 4, 0.3);
    router_.parameters().set_trainable(true);
    return {{{&first_, &expert(0)}, {&router_, &router_.parameters()}}};
  }

  experts::RoutedModel model_;
  std::vector<Example> examples_ = testing::random_examples(9, 0);
  SingleExpertGate first_{0, 3};
  experts::RouterGate router_{2, 32, 3};
};

INSTANTIATE_TEST_SUITE_P(Weights, AnswerLoss, ::testing::Bool(),
                         [](const auto& tested) { return tested.param ? "nf4" : "dense"; });

/// One sequence at a time, logits of every position, log-probabilities picked one by one.
double naive_loss(const experts::RoutedModel& model, const experts::Gate& gate, const Example& example) {
  std::vector<std::int32_t> ids = example.prompt;
  ids.insert(ids.end(), example.answer.begin(), example.answer.end());
  const auto prompt = static_cast<std::int64_t>(example.prompt.size());
  const model::FlatBatch batch = model::FlatBatch::make({ids}, {prompt});
  const at::Tensor logits = model.backbone().logits(model.forward({batch, gate}).hidden);
  const at::Tensor log_p = at::log_softmax(logits.to(at::kDouble), -1);
  double loss = 0.0;
  for (std::size_t i = 0; i < example.answer.size(); ++i) {
    loss -= log_p[prompt - 1 + static_cast<std::int64_t>(i)][example.answer[i]].item<double>();
  }
  return loss;
}

TEST_P(AnswerLoss, equals_the_naive_sum_over_full_logits) {
  const at::NoGradGuard no_grad;
  const SingleExpertGate gate(1, 3);
  double expected = 0.0;
  for (const Example& example : examples_) {
    expected += naive_loss(model_, gate, example);
  }
  const double found = answer_loss_sum(model_, gate, pack(testing::pointers(examples_))).item<double>();
  EXPECT_NEAR(found / expected, 1.0, 1e-6);
}

TEST_P(AnswerLoss, packed_equals_unpacked_in_loss_and_gradient) {
  const SingleExpertGate gate(0, 3);
  expert(0).set_trainable(true);
  const auto run = [&](std::int64_t max_tokens) {
    expert(0).grads().zero_();
    double loss = 0.0;
    for (const PackedBatch& batch : pack_all(testing::pointers(examples_), max_tokens)) {
      const experts::TrainingDropout dropout{0.2, 5, 6, batch.keys};
      const at::Tensor part = answer_loss_sum(model_, gate, batch, &dropout);
      part.backward();
      loss += part.item<double>();
    }
    return std::pair(loss, expert(0).grads().clone());
  };
  const auto [alone_loss, alone_grads] = run(1);
  const auto [packed_loss, packed_grads] = run(1000);
  EXPECT_GT(alone_grads.abs().max().item<double>(), 1e-2);
  EXPECT_NEAR(packed_loss, alone_loss, 1e-5 * alone_loss);
  testing::expect_close(packed_grads, alone_grads, {1e-4, 1e-5});
}

TEST_P(AnswerLoss, dropout_changes_the_loss) {
  const at::NoGradGuard no_grad;
  const SingleExpertGate gate(0, 3);
  const PackedBatch batch = pack(testing::pointers(examples_));
  const experts::TrainingDropout dropout{0.2, 5, 6, batch.keys};
  EXPECT_NE(answer_loss_sum(model_, gate, batch, &dropout).item<float>(),
            answer_loss_sum(model_, gate, batch).item<float>());
}

TEST_P(AnswerLoss, label_smoothing_spreads_its_share_of_each_target_over_the_vocabulary) {
  const at::NoGradGuard no_grad;
  const SingleExpertGate gate(1, 3);
  const PackedBatch batch = pack(testing::pointers(examples_));
  constexpr double kShare = 0.2;
  const auto smooth = answer_loss(model_, {gate, batch, nullptr, false, kShare});
  const at::Tensor hidden = model_.forward({batch.batch, gate}).hidden.index_select(0, batch.predicting.rows);
  const at::Tensor log_p = at::log_softmax(model_.backbone().logits(hidden).to(at::kDouble), -1);  // [A,V]
  double expected = 0.0;
  for (std::int64_t i = 0; i < log_p.size(0); ++i) {
    const double target = log_p[i][batch.targets[i].item<std::int64_t>()].item<double>();
    expected -= (1 - kShare) * target + kShare * log_p[i].mean().item<double>();
  }
  EXPECT_NEAR(smooth.sum.item<double>() / expected, 1.0, 1e-6);
  EXPECT_FLOAT_EQ(smooth.token_losses.sum().item<float>(),
                  answer_loss_sum(model_, gate, batch).item<float>());
}

TEST(HeadLoss, equals_torchs_cross_entropy_and_its_gradient_however_many_rows_are_made_at_once) {
  const at::Tensor head = at::sin(at::arange(50 * 8, at::kFloat)).view({50, 8});
  const at::Tensor targets = at::arange(7, at::kLong) * 7;
  for (const double smoothing : {0.0, 0.3}) {
    at::Tensor hidden = at::cos(at::arange(7 * 8, at::kFloat) * 3).view({7, 8}).requires_grad_();
    const at::Tensor whole =
        at::cross_entropy_loss(at::mm(hidden, head.t()), targets, {}, at::Reduction::Sum, -100, smoothing);
    (whole * 3).backward();
    const at::Tensor expected = hidden.grad().clone();
    for (const std::int64_t rows : {1, 3, 7, 100}) {
      hidden.mutable_grad().zero_();
      const train::HeadLoss loss =
          head_loss(hidden, kernels::FrozenLinear(kernels::Dense{head}), {targets, {}, smoothing, rows});
      (loss.sum * 3).backward();
      EXPECT_NEAR(loss.sum.item<double>(), whole.item<double>(), 1e-5) << rows;
      SCOPED_TRACE(rows);
      testing::expect_close(hidden.grad(), expected, {1e-5, 1e-6});
    }
  }
}

TEST_P(AnswerLoss, touches_only_the_owners_gradient) {
  for (int i = 0; i < testing::kTinyExperts; ++i) {
    expert(i).set_trainable(true);
  }
  answer_loss_sum(model_, SingleExpertGate(1, 3), pack(testing::pointers(examples_))).backward();
  EXPECT_GT(expert(1).grads().abs().max().item<double>(), 0.0);
  EXPECT_EQ(expert(0).grads().abs().max().item<double>(), 0.0);
  EXPECT_EQ(expert(2).grads().abs().max().item<double>(), 0.0);
}

TEST_P(AnswerLoss, gives_frozen_parameters_no_gradient_buffer) {
  expert(1).set_trainable(true);
  answer_loss_sum(model_, SingleExpertGate(1, 3), pack(testing::pointers(examples_))).backward();
  for (const int frozen : {0, 2}) {
    EXPECT_FALSE(expert(frozen).grads().defined());
    for (const at::Tensor& leaf : expert(frozen).leaves()) {
      EXPECT_FALSE(leaf.grad().defined());
    }
  }
}

TEST_P(AnswerLoss, has_the_same_bits_and_gradients_where_layers_are_run_again) {
  const PackedBatch batch = pack(testing::pointers(examples_));
  const experts::TrainingDropout dropout{0.2, 5, 6, batch.keys};
  for (const auto& [gate, parameters] : trained_gates()) {
    const auto run = [&, gate = gate, parameters = parameters](bool recompute) {
      parameters->grads().zero_();
      const at::Tensor loss = answer_loss(model_, {*gate, batch, &dropout, recompute}).sum;
      loss.backward();
      return std::pair(loss.item<float>(), parameters->grads().clone());
    };
    const auto [kept_loss, kept_grads] = run(false);
    const auto [again_loss, again_grads] = run(true);
    EXPECT_EQ(kept_loss, again_loss);
    testing::expect_equal(kept_grads, again_grads);
    EXPECT_GT(kept_grads.abs().max().item<float>(), 0.0F);
  }
}

TEST_P(AnswerLoss, equals_in_loss_and_gradient_that_of_a_pass_which_keeps_all_rows) {
  const PackedBatch batch = pack(testing::pointers(examples_));
  const experts::TrainingDropout dropout{0.2, 5, 6, batch.keys};
  for (const auto& [gate, parameters] : trained_gates()) {
    parameters->grads().zero_();
    const at::Tensor all = model_.forward({batch.batch, *gate, &dropout}).hidden;
    const at::Tensor logits = model_.backbone().logits(all.index_select(0, batch.predicting.rows));
    const at::Tensor wanted = at::cross_entropy_loss(logits, batch.targets, {}, at::Reduction::Sum);
    wanted.backward();
    const at::Tensor gradient = parameters->grads().clone();
    parameters->grads().zero_();
    const at::Tensor found = answer_loss(model_, {*gate, batch, &dropout}).sum;
    found.backward();
    EXPECT_NEAR(found.item<double>() / wanted.item<double>(), 1.0, 1e-6);
    EXPECT_GT(gradient.abs().max().item<double>(), 1e-2);
    testing::expect_close(parameters->grads(), gradient, testing::share_of_largest(gradient, 1e-5));
  }
}

/// Of the first example's prompt three answers, of the second's one.
std::vector<model::PromptAnswers> some_answers(const std::vector<Example>& examples) {
  return {{examples[0].prompt, {examples[0].answer, examples[3].answer, examples[4].answer}},
          {examples[1].prompt, {examples[1].answer}}};
}

TEST_P(AnswerLoss, of_answers_that_share_their_prompt_is_that_of_sequences_apart_in_loss_and_gradient) {
  const auto prompts = some_answers(examples_);
  const PackedBatch shared = pack(prompts, {5, 6});
  const at::Tensor weights = at::sin(at::arange(shared.answer_tokens(), at::kFloat)) + 0.5;
  for (const bool recompute : {false, true}) {
    for (const auto& [gate, parameters] : trained_gates()) {
      parameters->grads().zero_();
      const experts::TrainingDropout dropout{0.2, 5, 6, shared.keys};
      const auto found = answer_loss(model_, {*gate, shared, &dropout, recompute, 0.0, weights});
      found.sum.backward();
      const at::Tensor gradient = parameters->grads().clone();
      parameters->grads().zero_();
      double sum = 0.0;
      std::int64_t token = 0;
      for (std::size_t p = 0; p < prompts.size(); ++p) {
        for (const auto& answer : prompts[p].answers) {
          const Example example{prompts[p].prompt, answer, 0, shared.keys[p]};
          const PackedBatch alone = pack({&example});
          const experts::TrainingDropout own{0.2, 5, 6, alone.keys};
          const auto part = answer_loss(
              model_, {*gate, alone, &own, false, 0.0, weights.narrow(0, token, alone.answer_tokens())});
          part.sum.backward();
          sum += part.sum.item<double>();
          testing::expect_close(found.token_losses.narrow(0, token, alone.answer_tokens()), part.token_losses,
                                {1e-4, 1e-5});
          token += alone.answer_tokens();
        }
      }
      EXPECT_NEAR(found.sum.item<double>(), sum, 1e-4 * std::abs(sum));
      EXPECT_GT(gradient.abs().max().item<double>(), 1e-2);
      testing::expect_close(gradient, parameters->grads(), testing::share_of_largest(gradient, 1e-4));
    }
  }
}

TEST_P(AnswerLoss, a_token_counts_by_its_weight) {
  const at::NoGradGuard no_grad;
  const PackedBatch batch = pack(testing::pointers(examples_));
  const at::Tensor weights = at::arange(batch.answer_tokens(), at::kFloat);
  const auto found = answer_loss(model_, {first_, batch, nullptr, false, 0.1, weights});
  EXPECT_NEAR(found.sum.item<double>() / (found.losses * weights).sum(at::kDouble).item<double>(), 1.0, 1e-6);
}

TEST_P(AnswerLoss, of_the_router_has_the_gradient_of_finite_differences) {
  model_.bank().freeze(at::kFloat);
  experts::RouterGate router(2, 32, 3);
  testing::randomise(router.parameters(), 4, 0.3);
  router.parameters().set_trainable(true);
  const PackedBatch batch = pack(testing::pointers(examples_));
  answer_loss_sum(model_, router, batch).backward();
  const at::NoGradGuard no_grad;
  const at::Tensor values = router.parameters().values();
  const at::Tensor gradient = router.parameters().grads();
  const auto loss_at = [&](const at::Tensor& offset) {
    values.add_(offset);
    const double loss = answer_loss_sum(model_, router, batch).item<double>();
    values.sub_(offset);
    return loss;
  };
  constexpr double kStep = 2e-2;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    experts::FlatParameters random(std::vector<std::vector<std::int64_t>>{{values.numel()}});
    testing::randomise(random, seed, 1.0);
    const at::Tensor direction = gradient / gradient.norm() + random.values() / random.values().norm();
    const double slope = (loss_at(kStep * direction) - loss_at(-kStep * direction)) / (2 * kStep);
    const double expected = at::dot(gradient, direction).item<double>();
    EXPECT_NEAR(slope / expected, 1.0, 0.02) << "slope " << slope;
  }
}

}  // namespace
}  // namespace routedk::train
