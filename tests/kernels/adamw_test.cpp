#include "routedk/kernels/adamw.h"

#include <cmath>

#include "support/expect_close.h"
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>

namespace routedk::kernels {
namespace {

constexpr std::int64_t kSize = 40000;

/// Gradients of all sizes, zeros among them.
at::Tensor gradient(int step) {
  const at::Tensor i = at::arange(kSize, at::kDouble);
  const at::Tensor wave = at::sin(i * 0.013 + step) * at::pow(10.0, at::remainder(i, 9.0) - 6.0);
  return at::where(at::remainder(i, 10.0) == 3.0, at::zeros_like(wave), wave).to(at::kFloat);
}

at::Tensor start() {
  return at::cos(at::arange(kSize, at::kDouble) * 0.1).to(at::kFloat);
}

TEST(AdamW, equals_torch) {
  const AdamWOptions config{0.9, 0.99, 1e-8, 0.1};
  const at::Tensor values = start();
  const AdamWMoments moments = AdamWMoments::zeros_like(values);
  at::Tensor theirs = start().set_requires_grad(true);
  torch::optim::AdamW torch_adamw(
      {theirs}, torch::optim::AdamWOptions(0.0).betas({0.9, 0.99}).eps(1e-8).weight_decay(0.1));
  for (int t = 1; t <= 12; ++t) {
    const double rate = 1e-2 / t;
    adamw_step(config, {t, rate, 1.0}, gradient(t), values, moments);
    theirs.mutable_grad() = gradient(t);
    torch_adamw.param_groups()[0].options().set_lr(rate);
    torch_adamw.step();
    SCOPED_TRACE("step " + std::to_string(t));
    testing::expect_close(values, theirs, {0.0, 1e-6});
  }
}

TEST(AdamW, does_not_depend_on_the_number_of_threads) {
  const int before = at::get_num_threads();
  const auto run = [](int threads) {
    at::set_num_threads(threads);
    const at::Tensor values = start();
    const AdamWMoments moments = AdamWMoments::zeros_like(values);
    adamw_step({}, {1, 1e-2, 0.5}, gradient(1), values, moments);
    return values;
  };
  const at::Tensor one = run(1);
  const at::Tensor three = run(3);
  at::set_num_threads(before);
  testing::expect_equal(one, three);
}

TEST(Clipping, equals_torch) {
  for (const double max_norm : {0.5, 1e9}) {
    at::Tensor theirs = start().set_requires_grad(true);
    theirs.mutable_grad() = gradient(2);
    const double norm = torch::nn::utils::clip_grad_norm_(theirs, max_norm);
    EXPECT_NEAR(gradient_norm(gradient(2)) / norm, 1.0, 1e-5);
    const at::Tensor clipped = gradient(2) * clip_scale(norm, max_norm);
    SCOPED_TRACE(::testing::Message() << "at most " << max_norm);
    testing::expect_close(clipped, theirs.grad(), {1e-6, 0.0});
  }
}

TEST(Clipping, norm_of_a_huge_gradient_stays_finite) {
  EXPECT_NEAR(gradient_norm(at::full({4}, 1e30F)) / 2e30, 1.0, 1e-6);
}

}  // namespace
}  // namespace routedk::kernels
