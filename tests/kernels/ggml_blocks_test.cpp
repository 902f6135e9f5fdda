#include "routedk/kernels/ggml_blocks.h"

#include "routedk/core/error.h"
#include "routedk/kernels/cpu/int8.h"
#include "routedk/kernels/linear.h"

#include "support/expect_close.h"
#include "support/ggml_matrix.h"
#include "support/gradient_check.h"
#include "support/wave.h"
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

using testing::expect_close;
using testing::expect_equal;
using testing::random_ggml;
using testing::wave;

/// Rows of an odd number of blocks.
std::int64_t odd_width(GgmlType type) {
  return layout_of(type).elements == 256 ? 768 : 352;
}

class GgmlMatrices : public ::testing::TestWithParam<GgmlType> {
 protected:
  const GgmlBlocks blocks_ = random_ggml(GetParam(), 37, odd_width(GetParam()), 1);
  const at::Tensor dense_ = dequantize(blocks_, at::kFloat);
};
INSTANTIATE_TEST_SUITE_P(Types, GgmlMatrices, ::testing::ValuesIn(testing::kGgmlTypes), testing::kGgmlName);

TEST_P(GgmlMatrices, products_equal_those_of_the_decoded_matrix_forward_and_backward) {
  for (const std::int64_t tokens : {1, 5, 200}) {
    const at::Tensor x = wave({tokens, dense_.size(1)}, 0.37);
    const at::Tensor dy = wave({tokens, dense_.size(0)}, 0.91);
    SCOPED_TRACE(tokens);
    expect_close(multiply(x, blocks_), multiply(x, Dense{dense_}), {1e-6, 1e-6});
    expect_close(multiply_backward(dy, blocks_), multiply_backward(dy, Dense{dense_}), {1e-6, 1e-6});
  }
}

TEST_P(GgmlMatrices, products_in_bfloat16_are_those_of_the_matrix_rounded_to_it) {
  const at::Tensor x = wave({5, dense_.size(1)}, 0.37).to(at::kBFloat16);
  expect_equal(multiply(x, blocks_), at::mm(x, dense_.to(at::kBFloat16).t()));
}

TEST_P(GgmlMatrices, backward_agrees_with_finite_differences) {
  const FrozenLinear linear(blocks_);
  testing::expect_gradient([&](const at::Tensor& x) { return linear.forward(x); },
                           wave({2, dense_.size(1)}, 0.37));
}

TEST_P(GgmlMatrices, rows_are_looked_up_as_in_the_decoded_matrix) {
  const at::Tensor ids = at::tensor({36, 0, 17, 17});
  expect_equal(embedding(ids, blocks_, at::kFloat), dense_.index_select(0, ids));
  expect_equal(embedding(ids, blocks_, at::kBFloat16), dense_.index_select(0, ids).to(at::kBFloat16));
}

TEST_P(GgmlMatrices, the_8_bit_product_errs_by_the_rounding_of_activations_alone) {
  const at::Tensor x = wave({11, dense_.size(1)}, 0.37);
  for (std::int64_t block = cpu::Int8Panels::block_of(blocks_); block >= 16; block /= 2) {
    cpu::Int8Rows rows(block);
    rows.resize(x.size(0), x.size(1));
    at::Tensor rounded = at::empty_like(x);  // what the codes of x stand for
    for (std::int64_t r = 0; r < x.size(0); ++r) {
      rows.quantize(r, x[r].const_data_ptr<float>());
      for (std::int64_t i = 0; i < x.size(1); ++i) {
        rounded[r][i] = static_cast<float>(rows.codes(r)[i]) * rows.scales(r)[i / block];
      }
    }
    const auto panels = cpu::Int8Panels::from(blocks_, block);
    at::Tensor y = at::empty({x.size(0), panels.out()}, at::kFloat);
    for (const std::int64_t few : {3, 11}) {  // as 4-bit codes, and widened
      const cpu::Int8Panels::Term term{&panels, &rows};
      cpu::Int8Panels::multiply({&term, 1}, {.first = 0, .last = panels.panels(), .last_row = few},
                                y.mutable_data_ptr<float>(), panels.out());
      const at::Tensor exact = at::mm(rounded.narrow(0, 0, few).to(at::kDouble), dense_.to(at::kDouble).t());
      SCOPED_TRACE(block);
      expect_close(y.narrow(0, 0, few).to(at::kDouble), exact, testing::share_of_largest(exact, 1e-6));
    }
  }
}

TEST(GgmlBlocks, are_as_small_for_8_bit_products_as_in_the_file_where_scales_are_halves) {
  for (const GgmlType type : {GgmlType::kQ4_0, GgmlType::kQ4_1, GgmlType::kQ8_0}) {
    const GgmlBlocks blocks = random_ggml(type, 32, 64, 2);
    EXPECT_EQ(cpu::Int8Panels::from(blocks, 32).bytes(), blocks.bytes()) << name_of(type);
  }
}

TEST(GgmlBlocks, must_be_whole_and_contiguous) {
  EXPECT_NO_THROW(GgmlBlocks(GgmlType::kQ4_1, at::zeros({3, 40}, at::kByte)));
  EXPECT_THROW(GgmlBlocks(GgmlType::kQ4_1, at::zeros({3, 39}, at::kByte)), Error);
  EXPECT_THROW(GgmlBlocks(GgmlType::kQ4_1, at::zeros({120}, at::kByte)), Error);
  EXPECT_THROW(GgmlBlocks(GgmlType::kQ4_1, at::zeros({3, 40}, at::kFloat)), Error);
  EXPECT_THROW(GgmlBlocks(GgmlType::kQ4_1, at::zeros({40, 40}, at::kByte).t()), Error);
}

TEST(Embedding, ids_that_are_no_rows_are_refused) {
  const GgmlBlocks blocks = random_ggml(GgmlType::kQ8_0, 4, 32, 3);
  for (const Weight& weight : {Weight(blocks), Weight(Dense{at::zeros({4, 32})})}) {
    EXPECT_THROW(embedding(at::tensor({0, 4}), weight, at::kFloat), Error);
    EXPECT_THROW(embedding(at::tensor({-1}), weight, at::kFloat), Error);
  }
}

}  // namespace
}  // namespace routedk::kernels
