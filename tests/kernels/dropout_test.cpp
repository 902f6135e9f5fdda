#include "routedk/kernels/dropout.h"

#include "support/expect_close.h"
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

using testing::expect_equal;

at::Tensor ones(std::int64_t rows, std::int64_t width) {
  return at::ones({rows, width}, at::kFloat);
}

TEST(KeyedDropout, the_mask_is_a_function_of_its_key) {
  const at::Tensor once = KeyedDropout(0.5, {{0, 6, 77}})(ones(6, 30));
  expect_equal(once, KeyedDropout(0.5, {{0, 6, 77}})(ones(6, 30)));
  EXPECT_FALSE(at::equal(once, KeyedDropout(0.5, {{0, 6, 78}})(ones(6, 30))));
}

TEST(KeyedDropout, a_segment_has_the_same_mask_alone_as_in_a_batch) {
  const at::Tensor batch = KeyedDropout(0.5, {{0, 3, 1}, {3, 35, 2}, {35, 40, 3}})(ones(40, 30));
  expect_equal(batch.narrow(0, 3, 32), KeyedDropout(0.5, {{0, 32, 2}})(ones(32, 30)));
  expect_equal(batch.narrow(0, 35, 5), KeyedDropout(0.5, {{0, 5, 3}})(ones(5, 30)));
}

TEST(KeyedDropout, some_rows_of_a_sequence_have_the_masks_they_have_in_the_whole) {
  const at::Tensor whole = KeyedDropout(0.5, {{0, 40, 2}})(ones(40, 30));
  expect_equal(whole.narrow(0, 7, 33), KeyedDropout(0.5, {{0, 33, 2, 7}})(ones(33, 30)));
}

TEST(KeyedDropout, rows_of_a_segment_have_different_masks) {
  const at::Tensor rows = KeyedDropout(0.5, {{0, 2, 5}})(ones(2, 64));
  EXPECT_FALSE(at::equal(rows[0], rows[1]));
}

TEST(KeyedDropout, drops_at_its_rate_and_scales_the_rest_to_the_same_mean) {
  for (const double rate : {0.05, 0.5, 0.9}) {
    const at::Tensor out = KeyedDropout(rate, {{0, 1000, 9}})(ones(1000, 250));
    const double dropped = (out == 0).to(at::kDouble).mean().item<double>();
    const double deviation = std::sqrt(rate * (1 - rate) / 250000.0);
    EXPECT_NEAR(dropped, rate, 5 * deviation + 1.0 / 65536);
    EXPECT_NEAR(out.max().item<double>(), 1 / (1 - rate), 1e-3 / (1 - rate));
  }
}

TEST(KeyedDropout, is_its_own_adjoint) {
  const KeyedDropout dropout(0.4, {{0, 5, 1}, {5, 8, 2}});
  const at::Tensor x = at::sin(at::arange(264, at::kDouble)).view({8, 33});
  const at::Tensor y = at::cos(at::arange(264, at::kDouble) * 0.7).view({8, 33});
  EXPECT_NEAR((dropout(x) * y).sum().item<double>(), (x * dropout(y)).sum().item<double>(), 1e-12);
}

TEST(KeyedDropout, a_rate_of_nothing_keeps_all_as_it_is) {
  const at::Tensor x = ones(3, 4);
  EXPECT_TRUE(KeyedDropout(0.0, {{0, 3, 1}})(x).is_same(x));
  EXPECT_TRUE(KeyedDropout()(x).is_same(x));
}

TEST(KeyedDropout, bfloat16_has_the_same_mask_as_float32) {
  const at::Tensor exact = KeyedDropout(0.5, {{0, 4, 6}})(ones(4, 50));
  expect_equal(KeyedDropout(0.5, {{0, 4, 6}})(ones(4, 50).to(at::kBFloat16)), exact.to(at::kBFloat16));
}

}  // namespace
}  // namespace routedk::kernels
