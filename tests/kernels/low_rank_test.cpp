#include "routedk/kernels/lora.h"

#include "support/expect_close.h"
#include "support/wave.h"
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

using testing::expect_equal;
using testing::wave;

struct LowRankShape {
  std::int64_t tokens, width, rank;
};

class LowRank : public ::testing::TestWithParam<LowRankShape> {};

// Around few rows (32), the tiles (24 or 12 rows, 16 or 32 columns) and the depth of a panel (256).
INSTANTIATE_TEST_SUITE_P(Shapes, LowRank,
                         ::testing::Values(LowRankShape{1, 7, 1}, LowRankShape{31, 64, 16},
                                           LowRankShape{32, 64, 4}, LowRankShape{49, 255, 16},
                                           LowRankShape{77, 257, 17}, LowRankShape{301, 576, 16},
                                           LowRankShape{257, 33, 32}, LowRankShape{600, 40, 48},
                                           LowRankShape{513, 31, 70}));

TEST_P(LowRank, both_products_equal_the_double_precision_ones) {
  const LowRankShape s = GetParam();
  const at::Tensor x = wave({s.tokens, s.width}, 0.37);
  const at::Tensor factor = wave({s.rank, s.width}, 1.3);
  const at::Tensor narrow = wave({s.tokens, s.rank}, 0.91);
  const auto exact = [](const at::Tensor& t) { return t.to(at::kDouble); };
  testing::expect_close(exact(lora_down(x, factor, 0.5)), 0.5 * at::mm(exact(x), exact(factor).t()),
                        {0.0, 1e-4});
  testing::expect_close(exact(factor_gradient(narrow, x)), at::mm(exact(narrow).t(), exact(x)), {0.0, 1e-4});
  if (s.tokens >= 32) {  // fewer rows are multiplied as they are
    const auto rounded = [](const at::Tensor& t) { return t.to(at::kBFloat16).to(at::kDouble); };
    testing::expect_close(exact(lora_down(x, factor, 0.5, Precision::kBFloat16)),
                          0.5 * at::mm(rounded(x), rounded(factor).t()), {0.0, 1e-4});
    testing::expect_close(exact(factor_gradient(narrow, x, Precision::kBFloat16)),
                          at::mm(rounded(narrow).t(), rounded(x)), {0.0, 1e-4});
  }
}

TEST_P(LowRank, the_number_of_threads_changes_no_bit) {
  const LowRankShape s = GetParam();
  const at::Tensor x = wave({s.tokens, s.width}, 0.37);
  const at::Tensor narrow = wave({s.tokens, s.rank}, 0.91);
  for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    const at::Tensor gradient = factor_gradient(narrow, x, precision);
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    expect_equal(factor_gradient(narrow, x, precision), gradient);
    at::set_num_threads(threads);
  }
}

TEST(LowRankProducts, other_types_and_no_rows_are_taken_too) {
  const at::Tensor x = wave({40, 8}, 0.37).to(at::kBFloat16);
  expect_equal(lora_down(x, wave({2, 8}, 1.3), 1.0), at::mm(x, wave({2, 8}, 1.3).to(at::kBFloat16).t()));
  expect_equal(factor_gradient(at::empty({0, 2}), at::empty({0, 8})), at::zeros({2, 8}));
}

}  // namespace
}  // namespace routedk::kernels
