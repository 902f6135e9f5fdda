#include "routedk/kernels/cpu/matmul.h"

#include "routedk/kernels/nf4.h"

#include "support/expect_close.h"
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

using testing::expect_close;
using testing::expect_equal;

at::Tensor some(at::IntArrayRef shape, double frequency) {
  return at::sin(at::arange(c10::multiply_integers(shape), at::kFloat) * frequency).view(shape);
}

/// x [T,in] -> x W^T [T,out]
at::Tensor forward(const at::Tensor& x, const Nf4& weight) {
  at::Tensor y = at::full({x.size(0), weight.out_features()}, std::nan(""));
  cpu::matmul(x.const_data_ptr<float>(), x.size(0), cpu::MatrixView(weight), y.mutable_data_ptr<float>());
  return y;
}

/// dy [T,out] -> dy W [T,in]
at::Tensor backward(const at::Tensor& dy, const Nf4& weight) {
  at::Tensor dx = at::full({dy.size(0), weight.in_features()}, std::nan(""));
  cpu::matmul_backward(dy.const_data_ptr<float>(), dy.size(0), cpu::MatrixView(weight),
                       dx.mutable_data_ptr<float>());
  return dx;
}

struct Shape {
  std::int64_t tokens, in, out;
};

class Matmul : public ::testing::TestWithParam<Shape> {};

// Around the sizes of tiles (1, 4, 6, 12 rows, 8, 16, 32 columns), depths (256) and row blocks (192); widths
// that are no whole blocks of 64; the small model's own.
INSTANTIATE_TEST_SUITE_P(Shapes, Matmul,
                         ::testing::Values(Shape{1, 1, 1}, Shape{1, 64, 32}, Shape{3, 65, 33},
                                           Shape{5, 96, 40}, Shape{6, 256, 16}, Shape{13, 257, 31},
                                           Shape{7, 100, 7}, Shape{191, 30, 48}, Shape{197, 513, 65},
                                           Shape{30, 576, 192}, Shape{17, 1536, 576}));

TEST_P(Matmul, both_products_equal_the_double_precision_ones_of_the_decoded_matrix) {
  const Shape s = GetParam();
  for (const bool double_quant : {false, true}) {
    const Nf4 weight = Nf4::quantize(some({s.out, s.in}, 1.3) * 0.05, double_quant);
    const at::Tensor dense = dequantize(weight, at::kFloat).to(at::kDouble);
    const at::Tensor x = some({s.tokens, s.in}, 0.37);
    const at::Tensor dy = some({s.tokens, s.out}, 0.91);
    expect_close(forward(x, weight).to(at::kDouble), at::mm(x.to(at::kDouble), dense.t()), {0.0, 1e-5});
    expect_close(backward(dy, weight).to(at::kDouble), at::mm(dy.to(at::kDouble), dense), {0.0, 1e-5});
  }
}

TEST_P(Matmul, a_term_of_low_rank_is_added_on_the_way) {
  const Shape s = GetParam();
  const Nf4 weight = Nf4::quantize(some({s.out, s.in}, 1.3) * 0.05, true);
  const at::Tensor x = some({s.tokens, s.in}, 0.37);
  const at::Tensor dy = some({s.tokens, s.out}, 0.91);
  for (const std::int64_t rank : {1, 16, 33}) {
    const at::Tensor left = some({s.tokens, rank}, 0.6);
    const at::Tensor to_y = some({rank, s.out}, 0.8);
    const at::Tensor to_x = some({rank, s.in}, 1.1);
    const auto product = [&](const at::Tensor& right) { return at::mm(left, right); };
    at::Tensor y = at::empty({s.tokens, s.out});
    at::Tensor dx = at::empty({s.tokens, s.in});
    const auto term = [&](const at::Tensor& right) {
      return cpu::LowRankTerm{left.const_data_ptr<float>(), right.const_data_ptr<float>(), rank};
    };
    cpu::matmul(x.const_data_ptr<float>(), s.tokens, cpu::MatrixView(weight), y.mutable_data_ptr<float>(),
                term(to_y));
    cpu::matmul_backward(dy.const_data_ptr<float>(), s.tokens, cpu::MatrixView(weight),
                         dx.mutable_data_ptr<float>(), term(to_x));
    SCOPED_TRACE(rank);
    expect_close(y, forward(x, weight) + product(to_y), {0.0, 2e-5});
    expect_close(dx, backward(dy, weight) + product(to_x), {0.0, 2e-5});
  }
}

TEST(MatmulRows, a_row_s_result_does_not_depend_on_the_rows_beside_it_or_the_threads) {
  const Nf4 weight = Nf4::quantize(some({200, 576}, 1.3) * 0.05, true);
  const at::Tensor x = some({203, 576}, 0.37);
  const at::Tensor dy = some({203, 200}, 0.91);
  const at::Tensor y = forward(x, weight);
  const at::Tensor dx = backward(dy, weight);
  for (const std::int64_t row : {0, 5, 11, 100, 191, 192, 202}) {
    SCOPED_TRACE(row);
    expect_equal(forward(x.narrow(0, row, 1), weight)[0], y[row]);
    expect_equal(backward(dy.narrow(0, row, 1), weight)[0], dx[row]);
  }
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  expect_equal(forward(x, weight), y);
  expect_equal(backward(dy, weight), dx);
  at::set_num_threads(threads);
}

TEST(MatmulRows, nothing_is_done_for_no_rows) {
  const Nf4 weight = Nf4::quantize(some({8, 64}, 1.3), true);
  EXPECT_EQ(forward(at::empty({0, 64}), weight).numel(), 0);
}

}  // namespace
}  // namespace routedk::kernels
