#include "routedk/experts/bank.h"

#include "routedk/core/error.h"
#include "routedk/experts/routed_model.h"

#include "experts/tiny_experts.h"
#include "support/dense.h"
#include "support/expect_close.h"
#include "support/forward.h"
#include "support/gradient_check.h"
#include <gtest/gtest.h>

namespace routedk::experts {
namespace {

using testing::dense_delta;
using testing::expect_close;
using testing::largest_difference;
using testing::Sequences;
using testing::tiny_bank;
using testing::tiny_config;

const Sequences kSequences = {{1, 2, 3}, {4}, {5, 6, 7, 8}, {9, 10}};

std::shared_ptr<const model::Backbone> backbone() {
  static const auto shared =
      std::make_shared<const model::Backbone>(model::Backbone::random(tiny_config(), testing::dense(), 1));
  return shared;
}

at::Tensor hidden_of(const RoutedModel& model, const Gate& gate, const Sequences& sequences,
                     const TrainingDropout* dropout = nullptr) {
  const model::FlatBatch batch = testing::batch_of(sequences);
  return model.forward({batch, gate, dropout}).hidden;
}

/// The hidden states of `sequences` when expert i weighs weights[i], by dense matrices.
at::Tensor naive_hidden(const ExpertBank& bank, const std::vector<double>& weights,
                        const Sequences& sequences, const model::Backbone& of = *backbone()) {
  const at::NoGradGuard no_grad;
  const model::FlatBatch batch = testing::batch_of(sequences);
  return testing::hidden_with(
      of, batch, [&](std::int64_t layer, model::Linear kind, const auto& linear, const at::Tensor& x) {
        return linear.forward(x) +
               at::mm(x.to(at::kDouble), dense_delta(bank, weights, layer, kind).t()).to(at::kFloat);
      });
}

TEST(ExpertBank, one_hot_rows_give_that_adapter_alone_on_both_paths) {
  const auto bank = tiny_bank();
  const RoutedModel model(backbone(), bank);
  const at::Tensor plain = naive_hidden(*bank, {0, 0, 0}, kSequences);
  for (int i = 0; i < 3; ++i) {
    std::vector<float> one_hot(3);
    one_hot[static_cast<std::size_t>(i)] = 1.0F;
    const at::Tensor wanted = naive_hidden(*bank, {one_hot.begin(), one_hot.end()}, kSequences);
    expect_close(hidden_of(model, OwnerGate({i, i, i, i}, 3), kSequences), wanted, {0.0, 1e-4});
    expect_close(hidden_of(model, FixedGate(one_hot), kSequences), wanted, {0.0, 1e-4});
    EXPECT_GT(largest_difference(plain, wanted), 1e-2);
  }
}

/// Mixing multiplies factors in fp32, an expert alone rounds them to bf16.
TEST(ExpertBank, one_hot_rows_give_that_adapter_alone_in_bfloat16_too) {
  const auto rounding = std::make_shared<const model::Backbone>(
      model::Backbone::random(tiny_config(), testing::dense(kernels::Precision::kBFloat16), 1));
  const auto bank = tiny_bank();
  const RoutedModel model(rounding, bank);
  for (int i = 0; i < 3; ++i) {
    std::vector<float> one_hot(3);
    one_hot[static_cast<std::size_t>(i)] = 1.0F;
    const at::Tensor wanted = naive_hidden(*bank, {one_hot.begin(), one_hot.end()}, kSequences, *rounding);
    expect_close(hidden_of(model, FixedGate(one_hot), kSequences), wanted, {0.0, 1e-4});
    const at::Tensor alone = hidden_of(model, OwnerGate({i, i, i, i}, 3), kSequences);
    const double error = ((alone - wanted).norm() / wanted.norm()).item<double>();
    EXPECT_LT(error, i == 0 ? 0.1 : 0.01);  // the first one's delta outgrows its linear
  }
}

TEST(ExpertBank, each_sequence_of_a_batch_gets_its_own_expert) {
  const auto bank = tiny_bank();
  const RoutedModel model(backbone(), bank);
  const at::Tensor found = hidden_of(model, OwnerGate({2, 0, 0, 1}, 3), kSequences);
  const std::vector<std::vector<double>> weights = {{0, 0, 1}, {1, 0, 0}, {1, 0, 0}, {0, 1, 0}};
  std::int64_t begin = 0;
  for (std::size_t s = 0; s < kSequences.size(); ++s) {
    const auto length = static_cast<std::int64_t>(kSequences[s].size());
    const at::Tensor alone = naive_hidden(*bank, weights[s], {kSequences[s]});
    SCOPED_TRACE("sequence " + std::to_string(s));
    expect_close(found.narrow(0, begin, length), alone, {0.0, 1e-4});
    begin += length;
  }
}

TEST(ExpertBank, average_is_the_mean_of_the_deltas) {
  const auto bank = tiny_bank();
  const RoutedModel model(backbone(), bank);
  const at::Tensor wanted = naive_hidden(*bank, {1.0 / 3, 1.0 / 3, 1.0 / 3}, kSequences);
  expect_close(hidden_of(model, FixedGate::average(3), kSequences), wanted, {0.0, 1e-5});
}

TEST(ExpertBank, sequences_of_nobody_equal_the_backbone_bit_for_bit) {
  const RoutedModel model(backbone(), tiny_bank());
  const model::FlatBatch batch = testing::batch_of(kSequences);
  const at::Tensor wanted = backbone()->forward(batch);
  testing::expect_equal(hidden_of(model, OwnerGate({-1, -1, -1, -1}, 3), kSequences), wanted);
}

TEST(ExpertBank, a_frozen_gate_repeats_the_rows_of_the_pass_that_made_them) {
  const RoutedModel model(backbone(), tiny_bank());
  const model::FlatBatch batch = testing::batch_of(kSequences);
  const RoutedOutput first = model.forward({batch, FixedGate({0.2F, 0.7F, 0.1F})});
  EXPECT_EQ(first.rows.size(), 2U);
  testing::expect_equal(model.forward({batch, FrozenGate(first.rows)}).hidden, first.hidden);
}

TEST(ExpertBank, owned_sequences_give_gradients_to_their_expert_alone) {
  const auto bank = tiny_bank();
  for (std::int64_t i = 0; i < 3; ++i) {
    (*bank)[i].parameters().set_trainable(true);
  }
  const at::Tensor hidden = hidden_of(RoutedModel(backbone(), bank), OwnerGate({0, -1, 0, 0}, 3), kSequences);
  torch::autograd::backward({testing::mixed_sum(hidden)}, {});
  EXPECT_GT((*bank)[0].parameters().grads().abs().max().item<float>(), 0.0F);
  EXPECT_EQ((*bank)[1].parameters().grads().abs().max().item<float>(), 0.0F);
  EXPECT_EQ((*bank)[2].parameters().grads().abs().max().item<float>(), 0.0F);
}

TEST(ExpertBank, gradients_of_the_factors_agree_with_finite_differences) {
  const auto bank = tiny_bank();
  FlatParameters& parameters = (*bank)[0].parameters();
  parameters.set_trainable(true);
  const RoutedModel model(backbone(), bank);
  const TrainingDropout dropout{0.25, 1, 2, {11, 12, 13, 14}};
  const auto loss = [&] {
    return testing::mixed_sum(hidden_of(model, OwnerGate({0, 1, 0, 0}, 3), kSequences, &dropout));
  };
  torch::autograd::backward({loss()}, {});
  testing::expect_differences(parameters.values(), parameters.grads(), loss, {1e-3, 1e-2, 60});
}

TEST(ExpertBank, dropout_under_a_key_does_not_depend_on_how_sequences_are_packed) {
  const RoutedModel model(backbone(), tiny_bank());
  const TrainingDropout together{0.3, 1, 2, {11, 12, 13, 14}};
  const TrainingDropout alone{0.3, 1, 2, {13}};
  const TrainingDropout next_step{0.3, 1, 3, {13}};
  const at::Tensor packed =
      hidden_of(model, OwnerGate({0, 0, 0, 0}, 3), kSequences, &together).narrow(0, 4, 4);
  expect_close(packed, hidden_of(model, OwnerGate({0}, 3), {kSequences[2]}, &alone), {0.0, 1e-5});
  EXPECT_GT(largest_difference(packed, hidden_of(model, OwnerGate({0}, 3), {kSequences[2]}, &next_step)),
            1e-3);
}

TEST(ExpertBank, mixing_before_freezing_is_refused) {
  const RoutedModel model(backbone(), std::make_shared<ExpertBank>(testing::tiny_experts()));
  EXPECT_THROW(hidden_of(model, FixedGate::average(3), kSequences), Error);
}

TEST(ExpertBank, finds_experts_by_name_and_refuses_unknown_double_or_absent_ones) {
  const auto bank = tiny_bank();
  EXPECT_EQ(bank->index_of("fine_grained"), 2);
  EXPECT_THROW(bank->index_of("fine"), ConfigError);
  EXPECT_THROW(ExpertBank({}), ConfigError);
  EXPECT_THROW(ExpertBank({testing::tiny_experts()[0], testing::tiny_experts()[0]}), ConfigError);
  model::LlamaConfig deeper = tiny_config();
  deeper.layers = 3;
  EXPECT_THROW(
      ExpertBank({testing::tiny_experts()[0], std::make_shared<Expert>("deep", deeper, LoraOptions{})}),
      ConfigError);
}

}  // namespace
}  // namespace routedk::experts
