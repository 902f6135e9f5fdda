#include "routedk/experts/dropout.h"

#include "support/gradient_check.h"
#include <gtest/gtest.h>

namespace routedk::experts {
namespace {

at::Tensor ones(std::int64_t rows, std::int64_t width) {
  return at::ones({rows, width}, at::kFloat);
}

TEST(KeyedDropout, the_mask_is_a_function_of_its_key) {
  const at::Tensor once = keyed_dropout(ones(6, 30), 0.5, {{0, 6, 77}});
  EXPECT_TRUE(at::equal(once, keyed_dropout(ones(6, 30), 0.5, {{0, 6, 77}})));
  EXPECT_FALSE(at::equal(once, keyed_dropout(ones(6, 30), 0.5, {{0, 6, 78}})));
}

TEST(KeyedDropout, a_segment_has_the_same_mask_alone_as_in_a_batch) {
  const at::Tensor batch = keyed_dropout(ones(40, 30), 0.5, {{0, 3, 1}, {3, 35, 2}, {35, 40, 3}});
  EXPECT_TRUE(at::equal(batch.narrow(0, 3, 32), keyed_dropout(ones(32, 30), 0.5, {{0, 32, 2}})));
  EXPECT_TRUE(at::equal(batch.narrow(0, 35, 5), keyed_dropout(ones(5, 30), 0.5, {{0, 5, 3}})));
}

TEST(KeyedDropout, rows_of_a_segment_have_different_masks) {
  const at::Tensor rows = keyed_dropout(ones(2, 64), 0.5, {{0, 2, 5}});
  EXPECT_FALSE(at::equal(rows[0], rows[1]));
}

TEST(KeyedDropout, drops_at_its_rate_and_scales_the_rest_to_the_same_mean) {
  for (const double rate : {0.05, 0.5, 0.9}) {
    const at::Tensor out = keyed_dropout(ones(1000, 250), rate, {{0, 1000, 9}});
    const double dropped = (out == 0).to(at::kDouble).mean().item<double>();
    const double deviation = std::sqrt(rate * (1 - rate) / 250000.0);
    EXPECT_NEAR(dropped, rate, 5 * deviation + 1.0 / 65536);
    EXPECT_NEAR(out.max().item<double>(), 1 / (1 - rate), 1e-3 / (1 - rate));
  }
}

TEST(KeyedDropout, the_gradient_meets_the_same_mask) {
  const at::Tensor x = ones(8, 33).set_requires_grad(true);
  const at::Tensor y = keyed_dropout(x, 0.4, {{0, 5, 1}, {5, 8, 2}});
  torch::autograd::backward({y.sum()}, {});
  EXPECT_TRUE(at::equal(x.grad(), y));
}

TEST(KeyedDropout, its_backward_agrees_with_finite_differences) {
  const at::Tensor x = at::sin(at::arange(99, at::kDouble)).view({3, 33});
  testing::expect_gradient(
      [](const at::Tensor& at) {
        return keyed_dropout(at, 0.4, {{0, 3, 1}});
      },
      x, {1e-3, 1e-6, 99});
}

TEST(KeyedDropout, bfloat16_has_the_same_mask_as_float32) {
  const at::Tensor exact = keyed_dropout(ones(4, 50), 0.5, {{0, 4, 6}});
  EXPECT_TRUE(
      at::equal(keyed_dropout(ones(4, 50).to(at::kBFloat16), 0.5, {{0, 4, 6}}), exact.to(at::kBFloat16)));
}

}  // namespace
}  // namespace routedk::experts
