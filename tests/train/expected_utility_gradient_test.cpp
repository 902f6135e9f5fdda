#include "routedk/experts/router.h"
#include "routedk/train/answer_loss.h"
#include "routedk/train/joint_step.h"

#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "support/expect_close.h"
#include "train/toy_policy.h"
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using testing::share_of_largest;
using testing::toy_config;
using testing::toy_model;

/// Which rows of a head's loss are restricted: the first to three ids, the third to one.
AllowedIds some_allowed() {
  AllowedIds allowed;
  allowed.add({3, 9, 40});
  allowed.add({});
  allowed.add({11});
  return allowed;
}

TEST(AllowedIds, a_restricted_row_is_normalised_over_its_ids_alone_in_loss_and_gradient) {
  const experts::RoutedModel model = toy_model();
  const kernels::FrozenLinear& head = model.backbone().head();
  const at::Tensor targets =
      at::tensor(std::vector<std::int64_t>{9, 5, 11, 6});  // the last: no offsets at all
  const at::Tensor weights = at::tensor(std::vector<float>{0.5F, 2.0F, 1.0F, -1.5F});
  const at::Tensor hidden = at::sin(at::arange(4 * 32, at::kFloat) * 1.7).reshape({4, 32}).requires_grad_();
  const at::Tensor logits = head.forward(hidden).to(at::kDouble);
  const at::Tensor among = at::tensor(std::vector<std::int64_t>{3, 9, 40});
  const at::Tensor naive = at::stack({at::logsumexp(logits[0].index_select(0, among), 0) - logits[0][9],
                                      at::logsumexp(logits[1], 0) - logits[1][5], 0.0 * logits[2][11],
                                      at::logsumexp(logits[3], 0) - logits[3][6]});
  (naive * weights).sum().backward();
  const at::Tensor wanted = hidden.grad().clone();
  for (const std::int64_t rows_at_once : {1, 3, 4}) {
    hidden.mutable_grad().zero_();
    const HeadLoss loss = head_loss(hidden, head, {targets, weights, 0.0, rows_at_once, some_allowed()});
    loss.sum.backward();
    testing::expect_close(loss.token_losses, naive.detach().to(at::kFloat), {1e-5, 1e-5});
    testing::expect_close(hidden.grad(), wanted, share_of_largest(wanted, 1e-5));
  }
}

TEST(AllowedIds, all_allowed_is_none_forbidden_bit_for_bit) {
  const experts::RoutedModel model = toy_model();
  const kernels::FrozenLinear& head = model.backbone().head();
  AllowedIds all;
  std::vector<std::int32_t> ids(64);
  std::iota(ids.begin(), ids.end(), 0);
  all.add(ids);
  const at::Tensor hidden = at::sin(at::arange(32, at::kFloat)).reshape({1, 32});
  const at::Tensor target = at::tensor(std::vector<std::int64_t>{7});
  testing::expect_equal(head_loss(hidden, head, {target, {}, 0.0, 1, all}).token_losses,
                        head_loss(hidden, head, {target, {}, 0.0, 1}).token_losses);
}

TEST(AllowedIds, rows_of_joined_batches_keep_theirs) {
  AllowedIds joined;
  joined.append(some_allowed(), 2);
  joined.append(some_allowed(), 6);
  EXPECT_EQ(joined.offsets, (std::vector<std::int64_t>{0, 0, 0, 3, 3, 4, 4, 7, 7, 8}));
  const at::Tensor forbidden = joined.forbidden(2, 6, 64, at::kCPU);
  for (const auto& [row, count] : {std::pair(0, 3), {1, 64}, {2, 1}, {3, 64}, {4, 3}, {5, 64}}) {
    EXPECT_EQ((forbidden[row] == 0).sum().item<std::int64_t>(), count) << row;
  }
  EXPECT_FALSE(joined.forbidden(5, 1, 64, at::kCPU).defined());
}

/// The first step's gradient of a group that draws these samples for its prompts.
at::Tensor step_gradient(const experts::RoutedModel& model, const TrainConfig& config,
                         const ParameterGroup& group, const std::vector<Example>& examples,
                         const SampleFn& sample) {
  GroupTrainer trainer(model, config, group, {testing::pointers(examples), {}, {}, sample});
  compute_steps(model, config, {&trainer});
  return group.parameters->grads().clone();
}

/// d sum(values) / d parameters by autograd.
at::Tensor gradient_of(const at::Tensor& value, experts::FlatParameters& parameters) {
  parameters.grads().zero_();
  value.backward();
  return parameters.grads().clone();
}

/// The gates of an expert, a router over all, and all layers run again in backward.
struct Case {
  bool routed = false;
  bool recompute = false;
};

class ExpectedUtilityGradient : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Cases, ExpectedUtilityGradient,
                         ::testing::Values(Case{false, false}, Case{false, true}, Case{true, false}),
                         [](const auto& tested) {
                           return std::string(tested.param.routed ? "router" : "expert") +
                                  (tested.param.recompute ? "_recomputed" : "");
                         });

/// The mean of the estimate over all pairs of samples, weighted by how likely they are drawn, is the gradient
/// of the expectation itself, which autograd has from the enumeration.
TEST_P(ExpectedUtilityGradient, of_two_samples_is_in_expectation_that_of_the_exact_expected_utility) {
  experts::RoutedModel model = toy_model();
  const auto router = std::make_shared<experts::RouterGate>(2, 32, 3);
  testing::randomise(router->parameters(), 4, 0.3);
  if (GetParam().routed) {
    model.bank().freeze(at::kFloat);
  }
  const ParameterGroup group = GetParam().routed ? ParameterGroup{"router", &router->parameters(), router}
                                                 : testing::expert_group(model, 0);
  TrainConfig config = toy_config();
  config.recompute = GetParam().recompute;
  const std::vector<Example> examples = testing::random_examples(1, 0, 3);
  std::vector<double> p;
  {
    const at::NoGradGuard no_grad;
    for (const at::Tensor& one : testing::toy_probabilities(model, *group.gate, examples[0].prompt)) {
      p.push_back(one.item<double>());
    }
  }
  EXPECT_NEAR(std::accumulate(p.begin(), p.end(), 0.0), 1.0, 1e-6) << "the answers are all there are";
  at::Tensor mean = at::zeros({group.parameters->size()}, at::kDouble);
  for (std::size_t i = 0; i < p.size(); ++i) {
    for (std::size_t j = 0; j < p.size(); ++j) {
      const SampleFn pair = [&](const SampleRequest&) {
        std::vector<std::int64_t> counts(p.size(), 0);
        ++counts[i];
        ++counts[j];
        return std::vector<PromptSamples>{testing::toy_samples(examples[0].key, counts, p)};
      };
      mean += p[i] * p[j] * step_gradient(model, config, group, examples, pair);
    }
  }
  group.parameters->set_trainable(true);
  const at::Tensor exact = -gradient_of(
      testing::toy_expected_utility(model, *group.gate, examples[0]).to(at::kFloat), *group.parameters);
  group.parameters->set_trainable(false);
  EXPECT_GT(exact.abs().max().item<double>(), 1e-4);
  testing::expect_close(mean.to(at::kFloat), exact, share_of_largest(exact, 1e-3));
}

TEST(ExpectedUtility, a_step_is_the_mean_over_prompts_of_leave_one_out_advantages_times_log_p) {
  experts::RoutedModel model = toy_model();
  const ParameterGroup group = testing::expert_group(model, 1);
  TrainConfig config = toy_config();
  config.expected_utility.likelihood_weight = 0.5;
  const std::vector<Example> examples = testing::random_examples(2, 0, 8);
  const std::vector<std::vector<std::int64_t>> counts = {{2, 1, 0, 0, 1}, {0, 0, 3, 1, 0}};
  const SampleFn sample = [&](const SampleRequest& request) {
    std::vector<PromptSamples> all;
    for (const Example* example : request.prompts) {
      all.push_back(testing::toy_samples(example->key, counts[example->key - 8], {.2, .2, .2, .2, .2}));
    }
    return all;
  };
  std::vector<at::Tensor> gradients;
  for (const std::int64_t max_tokens : {10, 24, 1000}) {  // prompts are repeated where a micro-batch ends
    config.max_tokens = max_tokens;
    gradients.push_back(step_gradient(model, config, group, examples, sample));
  }
  group.parameters->set_trainable(true);
  at::Tensor loss = at::zeros({}, at::kDouble);
  double gold_tokens = 0.0;
  for (const Example& example : examples) {
    gold_tokens += static_cast<double>(example.answer.size());
  }
  for (const Example& example : examples) {
    const auto& drawn = counts[example.key - 8];
    std::vector<double> utilities;  // of each sample, equal answers apart
    std::vector<std::size_t> answers;
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      for (std::int64_t n = 0; n < drawn[i]; ++n) {
        utilities.push_back(testing::toy_utility(example.key, i));
        answers.push_back(i);
      }
    }
    for (std::size_t s = 0; s < 4; ++s) {
      double others = 0.0;
      for (std::size_t o = 0; o < 4; ++o) {
        others += o == s ? 0.0 : utilities[o] / 3.0;
      }
      const auto answer = testing::toy_answers()[answers[s]];
      loss = loss - testing::naive_logprob(model, *group.gate, example.prompt, answer) *
                        ((utilities[s] - others) / 4.0 / 2.0);
    }
    const SampledAnswer gold{example.answer};
    loss = loss - testing::naive_logprob(model, *group.gate, example.prompt, gold) * (0.5 / gold_tokens);
  }
  const at::Tensor wanted = gradient_of(loss.to(at::kFloat), *group.parameters);
  group.parameters->set_trainable(false);
  EXPECT_GT(wanted.abs().max().item<double>(), 1e-3);
  for (const at::Tensor& gradient : gradients) {
    testing::expect_close(gradient, wanted, share_of_largest(wanted, 1e-4));
  }
}

/// min(r A, clip(r) A) over the samples of a draw, whose old log p are given; F64.
at::Tensor naive_clipped(const experts::RoutedModel& model, const ParameterGroup& group,
                         const Example& example, const PromptSamples& samples, const std::vector<double>& old,
                         double clip) {
  at::Tensor sum = at::zeros({}, at::kDouble);
  double total = 0.0;
  double utilities = 0.0;
  for (const SampledAnswer& answer : samples) {
    total += static_cast<double>(answer.count);
    utilities += static_cast<double>(answer.count) * answer.utility;
  }
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double advantage = samples[i].utility - (utilities - samples[i].utility) / (total - 1.0);
    const at::Tensor ratio =
        (testing::naive_logprob(model, *group.gate, example.prompt, samples[i]) - old[i]).exp();
    const at::Tensor least = at::minimum(ratio * advantage, ratio.clamp(1.0 - clip, 1.0 + clip) * advantage);
    sum = sum + least * (static_cast<double>(samples[i].count) / total);
  }
  return sum;
}

TEST(ExpectedUtility, a_second_step_on_a_draw_descends_the_clipped_surrogate) {
  experts::RoutedModel model = toy_model();
  const ParameterGroup group = testing::expert_group(model, 1);
  TrainConfig config = toy_config();
  config.expected_utility.iterations = 2;
  config.expected_utility.clip = 0.15;
  config.learning_rate = 4e-3;
  const std::vector<Example> examples = testing::random_examples(2, 0, 8);
  std::vector<std::pair<const Example*, PromptSamples>> draws;
  std::vector<std::vector<double>> old;
  const SampleFn sample = [&](const SampleRequest& request) {
    const at::NoGradGuard no_grad;
    std::vector<PromptSamples> all;
    for (const Example* example : request.prompts) {
      all.push_back(testing::toy_samples(example->key, {2, 1, 1, 3, 1}, {.2, .2, .2, .2, .2}));
      draws.emplace_back(example, all.back());
      auto& own = old.emplace_back();
      for (const SampledAnswer& answer : all.back()) {
        own.push_back(testing::naive_logprob(model, *group.gate, example->prompt, answer).item<double>());
      }
    }
    return all;
  };
  GroupTrainer trainer(model, config, group, {testing::pointers(examples), {}, {}, sample});
  const GroupStep first = compute_steps(model, config, {&trainer})[0];
  EXPECT_EQ(first.samples->clipped, 0.0);
  trainer.apply(first);
  const GroupStep second = compute_steps(model, config, {&trainer})[0];
  EXPECT_EQ(draws.size(), 2U) << "one draw of two prompts";
  EXPECT_EQ(second.examples, 0);
  EXPECT_EQ(second.samples->utility, first.samples->utility);
  EXPECT_GT(second.samples->clipped.value(), 0.0) << "or the test shows nothing";
  EXPECT_LT(second.samples->clipped.value(), 1.0);
  const at::Tensor found = group.parameters->grads().clone();
  at::Tensor loss = at::zeros({}, at::kDouble);
  for (std::size_t p = 0; p < draws.size(); ++p) {
    loss = loss - naive_clipped(model, group, *draws[p].first, draws[p].second, old[p], 0.15) / 2.0;
  }
  const at::Tensor wanted = gradient_of(loss.to(at::kFloat), *group.parameters);
  EXPECT_GT(wanted.abs().max().item<double>(), 1e-3);
  testing::expect_close(found, wanted, share_of_largest(wanted, 1e-3));
}

TEST(ExpectedUtility, a_step_raises_it) {
  experts::RoutedModel model = toy_model();
  const ParameterGroup group = testing::expert_group(model, 0);
  TrainConfig config = toy_config();
  config.batch_size = 4;
  const std::vector<Example> examples = testing::random_examples(4, 0);
  GroupTrainer trainer(model, config, group,
                       {testing::pointers(examples), {}, {}, testing::toy_sampler(model, {group}, 64)});
  const auto expected = [&] {
    const at::NoGradGuard no_grad;
    double sum = 0.0;
    for (const Example& example : examples) {
      sum += testing::toy_expected_utility(model, *group.gate, example).item<double>() / 4.0;
    }
    return sum;
  };
  const double before = expected();
  const GroupStep step = compute_steps(model, config, {&trainer})[0];
  trainer.apply(step);
  EXPECT_GT(expected(), before + 1e-3);
  ASSERT_TRUE(step.samples);
  EXPECT_NEAR(step.samples->utility, before, 4 * 0.35 / std::sqrt(4 * 64)) << "a mean of 256 samples";
  EXPECT_EQ(step.examples, 4);
}

}  // namespace
}  // namespace routedk::train
