#include "routedk/experts/flat_parameters.h"

#include "support/expect_close.h"
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

namespace routedk::experts {
namespace {

using testing::expect_equal;

FlatParameters two() {
  return FlatParameters({{2, 3}, {4}});
}

TEST(FlatParameters, leaves_are_views_of_one_zero_buffer_in_order) {
  const FlatParameters parameters = two();
  EXPECT_EQ(parameters.size(), 10);
  expect_equal(parameters.values(), at::zeros({10}));
  parameters.values().copy_(at::arange(10, at::kFloat));
  expect_equal(parameters.leaves()[0], at::arange(6, at::kFloat).view({2, 3}));
  expect_equal(parameters.leaves()[1], at::arange(6, 10, at::kFloat));
}

TEST(FlatParameters, gradients_gather_in_one_buffer_over_several_backwards) {
  FlatParameters parameters = two();
  parameters.set_trainable(true);
  for (int pass = 0; pass < 2; ++pass) {
    torch::autograd::backward({(parameters.leaves()[1] * at::tensor({1.0F, 2.0F, 3.0F, 4.0F})).sum()}, {});
  }
  expect_equal(parameters.grads(), at::tensor({0.F, 0.F, 0.F, 0.F, 0.F, 0.F, 2.F, 4.F, 6.F, 8.F}));
}

TEST(FlatParameters, frozen_parameters_have_no_gradient_buffers) {
  FlatParameters parameters = two();
  EXPECT_FALSE(parameters.trainable());
  parameters.set_trainable(true);
  EXPECT_TRUE(parameters.leaves()[0].requires_grad());
  parameters.set_trainable(false);
  EXPECT_FALSE(parameters.grads().defined());
  for (const at::Tensor& leaf : parameters.leaves()) {
    EXPECT_FALSE(leaf.requires_grad());
    EXPECT_FALSE(leaf.grad().defined());
  }
}

}  // namespace
}  // namespace routedk::experts
