#include "routedk/kernels/cpu/matmul.h"

#include "routedk/kernels/linear.h"

#include <array>
#include <tuple>
#include <vector>

#include "support/expect_close.h"
#include "support/wave.h"
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

using testing::expect_close;
using testing::expect_equal;
using testing::wave;

/// x [T,in] -> x W^T [T,out]
at::Tensor forward(const at::Tensor& x, const Weight& weight, Precision precision = Precision::kFloat32) {
  at::Tensor y = at::full({x.size(0), out_features(weight)}, std::nan(""));
  cpu::matmul({x.const_data_ptr<float>(), x.size(0), {}, precision}, cpu::MatrixView(weight),
              y.mutable_data_ptr<float>());
  return y;
}

/// dy [T,out] -> dy W [T,in]
at::Tensor backward(const at::Tensor& dy, const Weight& weight, Precision precision = Precision::kFloat32) {
  at::Tensor dx = at::full({dy.size(0), in_features(weight)}, std::nan(""));
  cpu::matmul_backward({dy.const_data_ptr<float>(), dy.size(0), {}, precision}, cpu::MatrixView(weight),
                       dx.mutable_data_ptr<float>());
  return dx;
}

/// As an operand of a product has it, in double.
at::Tensor rounded(const at::Tensor& x, Precision precision) {
  return (precision == Precision::kBFloat16 ? x.to(at::kBFloat16) : x).to(at::kDouble);
}

constexpr std::array kPrecisions = {Precision::kFloat32, Precision::kBFloat16};

/// As a checkpoint may hold a matrix: NF4 of fp32, fp16 and bf16, with scales in 32 and in 8 bits, and dense.
std::vector<Weight> frozen_forms(const at::Tensor& values) {
  return {Nf4::quantize(values, false),
          Nf4::quantize(values, true),
          Nf4::quantize(values.to(at::kHalf), false),
          Nf4::quantize(values.to(at::kBFloat16), true),
          Dense{values},
          Dense{values.to(at::kBFloat16)}};
}
constexpr int kFrozenForms = 6;

struct MatmulShape {
  std::int64_t tokens, in, out;
};

class Matmul : public ::testing::TestWithParam<MatmulShape> {};

// Around the sizes of tiles (1, 4, 6, 12 rows, 8, 16, 32 columns), depths (256) and row blocks (192); widths
// that are no whole blocks of 64; the small model's own.
INSTANTIATE_TEST_SUITE_P(Shapes, Matmul,
                         ::testing::Values(MatmulShape{1, 1, 1}, MatmulShape{1, 64, 32},
                                           MatmulShape{3, 65, 33}, MatmulShape{5, 96, 40},
                                           MatmulShape{6, 256, 16}, MatmulShape{13, 257, 31},
                                           MatmulShape{7, 100, 7}, MatmulShape{191, 30, 48},
                                           MatmulShape{197, 513, 65}, MatmulShape{30, 576, 192},
                                           MatmulShape{17, 1536, 576}));

TEST_P(Matmul, both_products_equal_the_double_precision_ones_of_the_rounded_operands) {
  const MatmulShape s = GetParam();
  const at::Tensor x = wave({s.tokens, s.in}, 0.37);
  const at::Tensor dy = wave({s.tokens, s.out}, 0.91);
  for (const Weight& weight : frozen_forms(wave({s.out, s.in}, 1.3) * 0.05)) {
    for (const Precision precision : kPrecisions) {
      SCOPED_TRACE(name_of(precision));
      const at::Tensor dense = rounded(dequantize(weight, at::kFloat), precision);
      expect_close(forward(x, weight, precision).to(at::kDouble), at::mm(rounded(x, precision), dense.t()),
                   {0.0, 1e-5});
      expect_close(backward(dy, weight, precision).to(at::kDouble), at::mm(rounded(dy, precision), dense),
                   {0.0, 1e-5});
    }
  }
}

TEST_P(Matmul, a_term_of_low_rank_is_added_on_the_way) {
  const MatmulShape s = GetParam();
  const Nf4 weight = Nf4::quantize(wave({s.out, s.in}, 1.3) * 0.05, true);
  const at::Tensor x = wave({s.tokens, s.in}, 0.37);
  const at::Tensor dy = wave({s.tokens, s.out}, 0.91);
  for (const std::int64_t rank : {1, 16, 33}) {
    const at::Tensor left = wave({s.tokens, rank}, 0.6);
    const at::Tensor to_y = wave({rank, s.out}, 0.8);
    const at::Tensor to_x = wave({rank, s.in}, 1.1);
    for (const Precision precision : kPrecisions) {
      SCOPED_TRACE(::testing::Message() << rank << ' ' << name_of(precision));
      const auto product = [&](const at::Tensor& right) {
        return at::mm(rounded(left, precision), rounded(right, precision)).to(at::kFloat);
      };
      expect_close(multiply(x, weight, {{left, to_y}}, precision),
                   forward(x, weight, precision) + product(to_y), {0.0, 2e-5});
      expect_close(multiply_backward(dy, weight, {{left, to_x}}, precision),
                   backward(dy, weight, precision) + product(to_x), {0.0, 2e-5});
    }
  }
}

class MatmulRows : public ::testing::TestWithParam<std::tuple<int, Precision>> {};

TEST_P(MatmulRows, a_row_s_result_does_not_depend_on_the_rows_beside_it_or_the_threads) {
  const auto [form, precision] = GetParam();
  const Weight weight = frozen_forms(wave({200, 576}, 1.3) * 0.05)[static_cast<std::size_t>(form)];
  const at::Tensor x = wave({203, 576}, 0.37);
  const at::Tensor dy = wave({203, 200}, 0.91);
  {
    const at::Tensor y = forward(x, weight, precision);
    const at::Tensor dx = backward(dy, weight, precision);
    for (const std::int64_t row : {0, 5, 11, 100, 191, 192, 202}) {
      SCOPED_TRACE(::testing::Message() << row << ' ' << name_of(precision));
      expect_equal(forward(x.narrow(0, row, 1), weight, precision)[0], y[row]);
      expect_equal(backward(dy.narrow(0, row, 1), weight, precision)[0], dx[row]);
    }
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    expect_equal(forward(x, weight, precision), y);
    expect_equal(backward(dy, weight, precision), dx);
    at::set_num_threads(threads);
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, MatmulRows,
                         ::testing::Combine(::testing::Range(0, kFrozenForms),
                                            ::testing::ValuesIn(kPrecisions)));

TEST(MatmulOfRows, a_dense_matrix_in_bfloat16_is_multiplied_as_it_is) {
  const at::Tensor values = (wave({40, 70}, 1.3) * 0.05).to(at::kBFloat16);
  const at::Tensor x = wave({9, 70}, 0.37);
  for (const Precision precision : kPrecisions) {
    expect_close(forward(x, Dense{values}, precision).to(at::kDouble),
                 at::mm(rounded(x, precision), values.to(at::kDouble).t()), {0.0, 1e-5});
  }
}

TEST(MatmulOfRows, numbers_that_are_not_finite_reach_the_result_in_bfloat16) {
  const Nf4 weight = Nf4::quantize(wave({8, 64}, 1.3), true);
  at::Tensor x = wave({2, 64}, 0.37);
  x[0][3] = std::nanf("");
  const at::Tensor y = forward(x, weight, Precision::kBFloat16);
  EXPECT_TRUE(y[0].isnan().all().item<bool>());
  EXPECT_TRUE(y[1].isfinite().all().item<bool>());
}

TEST(MatmulOfRows, nothing_is_done_for_no_rows) {
  const Nf4 weight = Nf4::quantize(wave({8, 64}, 1.3), true);
  EXPECT_EQ(forward(at::empty({0, 64}), weight).numel(), 0);
}

}  // namespace
}  // namespace routedk::kernels
