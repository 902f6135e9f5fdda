#include "routedk/experts/router.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <cmath>

#include "support/expect_close.h"
#include "support/forward.h"
#include "support/gradient_check.h"
#include "support/tiny_llama.h"
#include "support/wave.h"
#include <gtest/gtest.h>

namespace routedk::experts {
namespace {

using testing::expect_equal;

constexpr std::int64_t kHidden = 6;
constexpr std::int64_t kExperts = 3;

/// Two sequences of 4 and 3 tokens, of which gates may see 2 and 3.
model::FlatBatch two_prompts() {
  return model::FlatBatch::make({{1, 2, 3, 4}, {5, 6, 7}}, {2, 3});
}

at::Tensor some_hidden() {
  return testing::wave({7, kHidden}, 0.9);
}

RouterGate some_router(const RouterOptions& options = {}) {
  RouterGate router(2, kHidden, kExperts, options);
  const std::int64_t count = router.parameters().size();
  router.parameters().values().copy_(at::cos(at::arange(count, at::kFloat) * 1.3));
  return router;
}

/// softmax(W mean(hidden of the prompt) + b) of one sequence, in double.
std::vector<double> naive_alpha(const RouterGate& router, std::int64_t layer, std::int64_t begin,
                                std::int64_t prompt) {
  std::vector<double> alpha;
  double total = 0.0;
  for (std::int64_t k = 0; k < kExperts; ++k) {
    double logit = router.bias(layer)[k].item<double>();
    for (std::int64_t d = 0; d < kHidden; ++d) {
      double pooled = 0.0;
      for (std::int64_t t = begin; t < begin + prompt; ++t) {
        pooled += some_hidden()[t][d].item<double>() / static_cast<double>(prompt);
      }
      logit += router.weight(layer)[k][d].item<double>() * pooled;
    }
    alpha.push_back(std::exp(logit));
    total += alpha.back();
  }
  for (double& weight : alpha) {
    weight /= total;
  }
  return alpha;
}

TEST(RouterGate, alpha_is_the_softmax_of_the_pooled_prompt) {
  const RouterGate router = some_router();
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    const GateRows rows = router.rows(layer, some_hidden(), two_prompts());
    EXPECT_TRUE(rows.owner.empty());
    const auto first = naive_alpha(router, layer, 0, 2);
    const auto second = naive_alpha(router, layer, 4, 3);
    for (std::int64_t k = 0; k < kExperts; ++k) {
      EXPECT_NEAR(rows.alpha[0][k].item<double>(), first[static_cast<std::size_t>(k)], 1e-6);
      EXPECT_NEAR(rows.alpha[1][k].item<double>(), second[static_cast<std::size_t>(k)], 1e-6);
    }
  }
}

TEST(RouterGate, tokens_behind_the_prompt_do_not_matter) {
  at::Tensor changed = some_hidden();
  changed.narrow(0, 2, 2).fill_(100.0F);
  const RouterGate router = some_router();
  expect_equal(router.rows(0, changed, two_prompts()).alpha,
               router.rows(0, some_hidden(), two_prompts()).alpha);
}

TEST(RouterGate, starts_as_the_uniform_mixture) {
  const RouterGate router(2, kHidden, kExperts);
  testing::expect_close(router.rows(1, some_hidden(), two_prompts()).alpha,
                        at::full({2, kExperts}, 1.0F / 3));
}

/// alpha of the first sequence in layer 1.
std::vector<double> alpha_with(const RouterOptions& options) {
  const at::Tensor alpha = some_router(options).rows(1, some_hidden(), two_prompts()).alpha;
  return {alpha[0][0].item<double>(), alpha[0][1].item<double>(), alpha[0][2].item<double>()};
}

TEST(RouterGate, k_softmax_is_k_times_softmax) {
  const auto plain = alpha_with({});
  const auto scaled = alpha_with({.scale = AlphaScale::kKSoftmax});
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(scaled[k], 3 * plain[k], 1e-6);
  }
}

TEST(RouterGate, temperature_divides_the_logits) {
  const auto plain = alpha_with({});
  const auto warm = alpha_with({.temperature = 2.5});
  EXPECT_NEAR(std::log(warm[0] / warm[1]), std::log(plain[0] / plain[1]) / 2.5, 1e-5);
  EXPECT_NEAR(warm[0] + warm[1] + warm[2], 1.0, 1e-6);
  EXPECT_GT(std::abs(warm[0] - plain[0]), 1e-2);
}

TEST(RouterGate, top_k_keeps_the_largest_renormalised_and_the_first_of_equals) {
  const auto plain = alpha_with({});
  const auto kept = alpha_with({.top_k = 2});
  const auto least = static_cast<std::size_t>(std::min_element(plain.begin(), plain.end()) - plain.begin());
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(kept[k], k == least ? 0.0 : plain[k] / (1 - plain[least]), 1e-6);
  }
  const RouterGate uniform(1, kHidden, kExperts, {.top_k = 1});
  expect_equal(uniform.rows(0, some_hidden(), two_prompts()).alpha[1], at::tensor({1.0F, 0.0F, 0.0F}));
}

TEST(RouterGate, a_threshold_keeps_what_reaches_it_and_the_largest_renormalised) {
  const auto plain = alpha_with({});
  std::array<double, 3> sorted = {plain[0], plain[1], plain[2]};
  std::sort(sorted.begin(), sorted.end());
  const auto two = alpha_with({.threshold = (sorted[0] + sorted[1]) / 2});
  const auto one = alpha_with({.threshold = 1.0});
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(two[k], plain[k] > sorted[0] ? plain[k] / (sorted[1] + sorted[2]) : 0.0, 1e-6);
    EXPECT_NEAR(one[k], plain[k] == sorted[2] ? 1.0 : 0.0, 1e-6);
  }
}

TEST(RouterGate, rms_pooling_is_the_mean_of_normed_tokens) {
  const at::Tensor pooled = pool_prompts(some_hidden() * 100, two_prompts(), true);
  for (std::int64_t d = 0; d < kHidden; ++d) {
    double wanted = 0.0;
    for (std::int64_t t = 0; t < 2; ++t) {
      double squares = 0.0;
      for (std::int64_t j = 0; j < kHidden; ++j) {
        squares += std::pow(some_hidden()[t][j].item<double>(), 2) / static_cast<double>(kHidden);
      }
      wanted += some_hidden()[t][d].item<double>() / std::sqrt(squares) / 2;
    }
    EXPECT_NEAR(pooled[0][d].item<double>(), wanted, 1e-5);
  }
}

TEST(RouterGate, a_global_router_has_the_same_weights_for_every_layer) {
  const RouterGate router = some_router({.granularity = Granularity::kGlobal});
  EXPECT_EQ(router.parameters().size(), kExperts * (kHidden + 1));
  EXPECT_TRUE(router.same_in_all_layers());
  expect_equal(router.rows(0, some_hidden(), two_prompts()).alpha,
               router.rows(1, some_hidden(), two_prompts()).alpha);
}

TEST(RouterGate, a_static_gate_gives_every_sequence_the_softmax_of_its_bias) {
  const RouterGate gate = some_router({.kind = RouterKind::kStatic});
  EXPECT_EQ(gate.parameters().size(), 2 * kExperts);
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    const at::Tensor alpha = gate.rows(layer, some_hidden(), two_prompts()).alpha;
    ASSERT_EQ(alpha.sizes(), (std::vector<std::int64_t>{2, kExperts}));
    double total = 0.0;
    for (std::int64_t k = 0; k < kExperts; ++k) {
      total += std::exp(std::cos(1.3 * static_cast<double>(layer * kExperts + k)));
    }
    for (std::int64_t k = 0; k < kExperts; ++k) {
      const double wanted = std::exp(std::cos(1.3 * static_cast<double>(layer * kExperts + k))) / total;
      EXPECT_NEAR(alpha[0][k].item<double>(), wanted, 1e-6);
      EXPECT_NEAR(alpha[1][k].item<double>(), wanted, 1e-6);
    }
  }
}

TEST(RouterGate, gradient_of_a_static_gate_agrees_with_finite_differences) {
  RouterGate gate =
      some_router({.kind = RouterKind::kStatic, .scale = AlphaScale::kKSoftmax, .temperature = 1.5});
  gate.parameters().set_trainable(true);
  const auto loss = [&] {
    return testing::mixed_sum(gate.rows(0, some_hidden(), two_prompts()).alpha) +
           testing::mixed_sum(gate.rows(1, some_hidden(), two_prompts()).alpha * 2);
  };
  torch::autograd::backward({loss()}, {});
  testing::expect_differences(gate.parameters().values(), gate.parameters().grads(), loss, {1e-2, 2e-3, 60});
}

TEST(RouterGate, options_out_of_range_are_refused) {
  EXPECT_THROW(some_router({.temperature = 0.0}), ConfigError);
  EXPECT_THROW(some_router({.top_k = 4}), ConfigError);
  EXPECT_THROW(some_router({.top_k = -1}), ConfigError);
  EXPECT_THROW(some_router({.threshold = 1.5}), ConfigError);
  EXPECT_THROW(some_router({.threshold = -0.1}), ConfigError);
  EXPECT_THROW(some_router({.kind = RouterKind::kStatic, .pool_norm = PoolNorm::kRms}), ConfigError);
}

TEST(RouterGate, gradients_under_all_options_agree_with_finite_differences) {
  RouterGate router = some_router(
      {.scale = AlphaScale::kKSoftmax, .temperature = 1.5, .top_k = 2, .pool_norm = PoolNorm::kRms});
  router.parameters().set_trainable(true);
  const auto loss = [&] { return testing::mixed_sum(router.rows(0, some_hidden(), two_prompts()).alpha); };
  torch::autograd::backward({loss()}, {});
  testing::expect_differences(router.parameters().values(), router.parameters().grads(), loss,
                              {1e-2, 2e-3, 60});
}

TEST(RouterGate, gradient_of_its_parameters_agrees_with_finite_differences) {
  RouterGate router = some_router();
  router.parameters().set_trainable(true);
  const auto loss = [&] {
    return testing::mixed_sum(router.rows(0, some_hidden(), two_prompts()).alpha) +
           testing::mixed_sum(router.rows(1, some_hidden(), two_prompts()).alpha * 2);
  };
  torch::autograd::backward({loss()}, {});
  testing::expect_differences(router.parameters().values(), router.parameters().grads(), loss,
                              {1e-2, 2e-3, 60});
}

TEST(RouterGate, random_weights_keep_each_layers_norm_and_the_bias) {
  const RouterGate router = some_router();
  const RouterGate random = router.with_random_weights(1);
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    EXPECT_NEAR((random.weight(layer).norm() / router.weight(layer).norm()).item<double>(), 1.0, 1e-5);
    EXPECT_FALSE(at::allclose(random.weight(layer), router.weight(layer), 0.1, 0.1));
    testing::expect_equal(random.bias(layer), router.bias(layer));
  }
  testing::expect_equal(router.with_random_weights(1).weight(1), random.weight(1));
  EXPECT_FALSE(at::equal(router.with_random_weights(2).weight(1), random.weight(1)));
  EXPECT_THROW(some_router({.kind = RouterKind::kStatic}).with_random_weights(1), ConfigError);
}

TEST(AblationGate, sets_one_weight_to_0_and_leaves_the_others_of_any_gate) {
  const RouterGate router = some_router();
  const AblationGate gate(std::make_unique<RouterGate>(some_router()), 1);
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    at::Tensor expected = router.rows(layer, some_hidden(), two_prompts()).alpha.clone();
    expected.select(1, 1).zero_();
    testing::expect_equal(gate.rows(layer, some_hidden(), two_prompts()).alpha, expected);
  }
  const AblationGate owners(std::make_unique<OwnerGate>(std::vector<int>{1, 2}, kExperts), 1);
  const GateRows rows = owners.rows(0, some_hidden(), two_prompts());
  EXPECT_EQ(rows.owner, (std::vector<int>{-1, 2}));
  EXPECT_EQ(rows.alpha.sum().item<float>(), 1.0F);
  const AblationGate average(std::make_unique<FixedGate>(FixedGate::average(kExperts)), 0);
  EXPECT_NEAR(average.rows(0, some_hidden(), two_prompts()).alpha.sum().item<float>(), 4.0 / 3.0, 1e-6);
}

TEST(AblationGate, holds_for_all_layers_where_its_gate_does) {
  const auto ablated = [](const RouterOptions& options) {
    return AblationGate(std::make_unique<RouterGate>(some_router(options)), 0);
  };
  EXPECT_TRUE(ablated({.granularity = Granularity::kGlobal}).same_in_all_layers());
  EXPECT_FALSE(ablated({}).same_in_all_layers());
}

TEST(RouterGate, gradient_through_the_pool_agrees_with_finite_differences) {
  const RouterGate router = some_router();
  testing::expect_gradient(
      [&](const at::Tensor& hidden) { return router.rows(0, hidden, two_prompts()).alpha; }, some_hidden(),
      {1e-2, 2e-3, 60});
}

}  // namespace
}  // namespace routedk::experts
