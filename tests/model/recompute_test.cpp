#include "routedk/model/recompute.h"

#include "support/expect_close.h"
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

namespace routedk::model {
namespace {

at::Tensor some(double frequency) {
  return at::sin(at::arange(12, at::kFloat) * frequency).view({3, 4}).clone();
}

/// Gradients of x, y and a leaf that the function uses besides.
std::vector<at::Tensor> gradients(bool recomputed, int* runs) {
  const at::Tensor x = some(0.7).set_requires_grad(true);
  const at::Tensor y = some(0.3).set_requires_grad(true);
  const at::Tensor leaf = some(1.9).set_requires_grad(true);
  const RecomputeFn f = [leaf, runs](const std::vector<at::Tensor>& in, model::Run /*run*/) {
    ++*runs;
    return at::tanh(in[0] * leaf) * in[1] + at::exp(in[0]);
  };
  const at::Tensor shifted = x * 2;
  const at::Tensor out =
      recomputed ? recompute(f, {shifted, y}, {leaf}) : f({shifted, y}, model::Run::kValue);
  torch::autograd::backward({(out * out).sum()}, {});
  return {x.grad(), y.grad(), leaf.grad()};
}

TEST(Recompute, gives_the_gradients_of_the_plain_function_bit_for_bit) {
  int runs = 0;
  const auto plain = gradients(false, &runs);
  const auto again = gradients(true, &runs);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    SCOPED_TRACE(i);
    testing::expect_equal(plain[i], again[i]);
    EXPECT_GT(plain[i].abs().max().item<float>(), 0.0F);
  }
  EXPECT_EQ(runs, 3);
}

TEST(Recompute, reaches_a_leaf_where_no_input_needs_a_gradient) {
  const at::Tensor leaf = some(0.4).set_requires_grad(true);
  const auto f = [leaf](const std::vector<at::Tensor>& in, model::Run /*run*/) { return in[0] * leaf; };
  torch::autograd::backward({recompute(f, {some(0.9)}, {leaf}).sum()}, {});
  testing::expect_equal(leaf.grad(), some(0.9));
}

}  // namespace
}  // namespace routedk::model
