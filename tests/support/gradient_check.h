/// The one finite-difference check of every custom backward.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

namespace routedk::testing {

struct GradientCheck {
  double step = 1e-2;          ///< h of (f(x + h) - f(x - h)) / 2h
  double tolerance = 1e-3;     ///< of the largest magnitude in the gradient
  std::int64_t elements = 64;  ///< at most so many, evenly spread
};

using TensorFn = std::function<at::Tensor(const at::Tensor&)>;

/// Compares the gradient of sum(w * f(x)), w fixed and of mixed signs, with central differences, element by
/// element. f must not look at whether x requires a gradient.
inline void expect_gradient(const TensorFn& f, const at::Tensor& at_point, const GradientCheck& check = {}) {
  at::Tensor x = at_point.detach().clone().contiguous().set_requires_grad(true);
  const at::Tensor y = f(x);
  const at::Tensor weights = at::cos(at::arange(y.numel(), at::kDouble) * 1.7 + 0.3).view(y.sizes());
  const auto loss = [&](const at::Tensor& out) { return (out.to(at::kDouble) * weights).sum(); };
  torch::autograd::backward({loss(y)}, {});
  const at::Tensor gradient = x.grad();
  ASSERT_TRUE(gradient.defined());

  const at::NoGradGuard no_grad;
  const double bound = check.tolerance * gradient.abs().max().item<double>();
  ASSERT_GT(bound, 0.0) << "the gradient is zero everywhere";
  at::Tensor flat = x.detach().view(-1);
  const std::int64_t stride = std::max<std::int64_t>(1, flat.numel() / check.elements);
  for (std::int64_t i = 0; i < flat.numel(); i += stride) {
    const double middle = flat[i].item<double>();
    flat[i] = middle + check.step;
    const double above = loss(f(x.detach())).item<double>();
    const double upper = flat[i].item<double>();
    flat[i] = middle - check.step;
    const double below = loss(f(x.detach())).item<double>();
    const double lower = flat[i].item<double>();
    flat[i] = middle;
    EXPECT_NEAR(gradient.view(-1)[i].item<double>(), (above - below) / (upper - lower), bound)
        << "element " << i;
  }
}

}  // namespace routedk::testing
