#include "routedk/eval/conflict.h"

#include <cmath>

#include "experts/tiny_experts.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

namespace routedk::eval {
namespace {

using model::Linear;

double cosine(const at::Tensor& a, const at::Tensor& b) {
  return at::dot(a, b).item<double>() / (a.norm().item<double>() * b.norm().item<double>());
}

/// An expert's deltas of some linears in all layers as one vector, made whole.
at::Tensor whole(const experts::Expert& expert, const std::vector<Linear>& linears) {
  std::vector<at::Tensor> parts;
  expert.for_each([&](std::int64_t, Linear linear, const experts::LoraFactors& factors) {
    if (std::find(linears.begin(), linears.end(), linear) != linears.end()) {
      parts.push_back(experts::dense_delta(factors).to(at::kDouble).flatten());
    }
  });
  return at::cat(parts);
}

TEST(DeltaCosines, are_those_of_the_whole_deltas) {
  const std::vector<Linear> all = experts::LoraOptions{}.targets;
  const auto a = testing::tiny_expert("a", {2, 4.0, false, all});
  const auto b = testing::tiny_expert("b", {3, 1.5, true, all});
  const Cosines found = delta_cosines(*a, *b);
  for (const Linear linear : all) {
    EXPECT_NEAR(found.by_linear[static_cast<std::size_t>(linear)].value(),
                cosine(whole(*a, {linear}), whole(*b, {linear})), 1e-6);
  }
  EXPECT_NEAR(found.all, cosine(whole(*a, all), whole(*b, all)), 1e-6);
  EXPECT_NEAR(delta_cosines(*a, *a).all, 1.0, 1e-12);
}

TEST(DeltaCosines, a_linear_that_one_side_does_not_adapt_counts_as_zero_and_one_of_neither_is_left_out) {
  const auto some = testing::tiny_expert("some", {2, 4.0, false, {Linear::kQ}});
  const auto both = testing::tiny_expert("both", {2, 4.0, false, {Linear::kQ, Linear::kUp}});
  const Cosines found = delta_cosines(*some, *both);
  EXPECT_EQ(found.by_linear[static_cast<std::size_t>(Linear::kUp)], 0.0);
  EXPECT_EQ(to_json(found).size(), 3U) << to_json(found);  // all, q_proj, up_proj
  const at::Tensor q = whole(*some, {Linear::kQ});
  const at::Tensor other = whole(*both, {Linear::kQ});
  EXPECT_NEAR(found.all,
              at::dot(q, other).item<double>() /
                  (q.norm().item<double>() * whole(*both, {Linear::kQ, Linear::kUp}).norm().item<double>()),
              1e-6);
}

TEST(GradientVectors, hold_the_gradients_of_both_factors_in_all_layers) {
  const auto expert = testing::tiny_expert("a", {2, 4.0, false, {Linear::kQ, Linear::kDown}});
  expert->parameters().set_trainable(true);
  at::Tensor loss = at::zeros({});
  double squares = 0.0;
  expert->for_each([&](std::int64_t layer, Linear linear, const experts::LoraFactors& factors) {
    const double weight = static_cast<double>(layer) + (linear == Linear::kQ ? 1.0 : 5.0);
    loss = loss + weight * (factors.a.sum() + 2.0 * factors.bt.sum());
    squares +=
        linear == Linear::kQ
            ? weight * weight *
                  (static_cast<double>(factors.a.numel()) + 4.0 * static_cast<double>(factors.bt.numel()))
            : 0.0;
  });
  torch::autograd::backward({loss}, {});
  const LinearVectors vectors = gradient_vectors(*expert);
  EXPECT_FALSE(vectors[static_cast<std::size_t>(Linear::kK)].defined());
  EXPECT_NEAR(vectors[static_cast<std::size_t>(Linear::kQ)].norm().item<double>(), std::sqrt(squares), 1e-3);
  EXPECT_NEAR(cosines_of(vectors, vectors).all, 1.0, 1e-12);
  LinearVectors opposed = vectors;
  for (at::Tensor& vector : opposed) {
    vector = vector.defined() ? -vector : vector;
  }
  EXPECT_NEAR(cosines_of(vectors, opposed).by_linear[static_cast<std::size_t>(Linear::kDown)].value(), -1.0,
              1e-12);
  EXPECT_EQ(cosines_of(vectors, LinearVectors{}).all, 0.0);
  EXPECT_THAT(to_json(cosines_of(vectors, vectors)).dump(), ::testing::HasSubstr("\"q_proj\":1.0"));
}

}  // namespace
}  // namespace routedk::eval
