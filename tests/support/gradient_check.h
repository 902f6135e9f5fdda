/// The one finite-difference check of every custom backward.
#pragma once

#include <algorithm>
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

/// Compares `gradient` with central differences of `loss`, a scalar in fp64, as the elements of `values`
/// (same shape, contiguous) change in place, one at a time.
inline void expect_differences(const at::Tensor& values, const at::Tensor& gradient,
                               const std::function<at::Tensor()>& loss, const GradientCheck& check = {}) {
  ASSERT_TRUE(gradient.defined());
  const at::NoGradGuard no_grad;
  const at::Tensor wanted = gradient.detach().reshape(-1);
  const double bound = check.tolerance * wanted.abs().max().item<double>();
  ASSERT_GT(bound, 0.0) << "the gradient is zero everywhere";
  const at::Tensor flat = values.detach().view(-1);
  const std::int64_t stride = std::max<std::int64_t>(1, flat.numel() / check.elements);
  for (std::int64_t i = 0; i < flat.numel(); i += stride) {
    const at::Tensor element = flat[i];
    const double middle = element.item<double>();
    element.fill_(middle + check.step);
    const double upper = element.item<double>();
    const double above = loss().item<double>();
    element.fill_(middle - check.step);
    const double lower = element.item<double>();
    const double below = loss().item<double>();
    element.fill_(middle);
    EXPECT_NEAR(wanted[i].item<double>(), (above - below) / (upper - lower), bound) << "element " << i;
  }
}

/// sum(w * y) in fp64 with fixed w of mixed signs.
inline at::Tensor mixed_sum(const at::Tensor& y) {
  const at::Tensor place = at::arange(y.numel(), y.options().dtype(at::kDouble)).view(y.sizes());
  return (y.to(at::kDouble) * at::cos(place * 1.7 + 0.3)).sum();
}

using TensorFn = std::function<at::Tensor(const at::Tensor&)>;

/// The same for autograd's gradient of mixed_sum(f(x)) with respect to x.
inline void expect_gradient(const TensorFn& f, const at::Tensor& at_point, const GradientCheck& check = {}) {
  const at::Tensor x = at_point.detach().clone().contiguous().set_requires_grad(true);
  torch::autograd::backward({mixed_sum(f(x))}, {});
  expect_differences(
      x, x.grad(), [&] { return mixed_sum(f(x)); }, check);
}

}  // namespace routedk::testing
