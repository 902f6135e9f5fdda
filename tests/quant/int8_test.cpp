#include "routedk/quant/cpu/int8.h"

#include <cstring>

#include "../../src/quant/cpu/int8_kernel.h"
#include <gtest/gtest.h>

namespace routedk::quant::cpu {
namespace {

at::Tensor values(at::IntArrayRef shape, std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  return at::randn(shape, generator, at::kFloat);
}

Int8Rows quantized(const at::Tensor& x, std::int64_t block) {
  Int8Rows rows(block);
  rows.resize(x.size(0), x.size(1));
  for (std::int64_t r = 0; r < x.size(0); ++r) {
    rows.quantize(r, x[r].contiguous().const_data_ptr<float>());
  }
  return rows;
}

/// What the codes of rows stand for. [rows,width]
at::Tensor meant(const Int8Rows& x, std::int64_t width) {
  at::Tensor out = at::empty({x.rows(), width}, at::kFloat);
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    for (std::int64_t i = 0; i < width; ++i) {
      out[r][i] = static_cast<float>(x.codes(r)[i]) * x.scales(r)[i / x.block()];
    }
  }
  return out;
}

at::Tensor product(const Int8Panels& w, const Int8Rows& x) {
  at::Tensor y = at::empty({x.rows(), w.out()}, at::kFloat);
  w.multiply(x, {0, w.panels()}, y.mutable_data_ptr<float>(), w.out());
  return y;
}

double relative_error(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

TEST(Int8, a_code_is_within_half_a_step_of_its_value_and_padding_is_zero) {
  const at::Tensor x = values({3, 40}, 1);
  const Int8Rows rows = quantized(x, 32);
  for (std::int64_t r = 0; r < 3; ++r) {
    const float step = std::max(rows.scales(r)[0], rows.scales(r)[1]);
    EXPECT_LE((meant(rows, 40)[r] - x[r]).abs().max().item<float>(), 0.5001F * step);
    for (std::int64_t i = 40; i < 64; ++i) {
      EXPECT_EQ(rows.codes(r)[i], 0);
    }
  }
}

class Int8Shapes : public ::testing::TestWithParam<std::array<std::int64_t, 4>> {};

TEST_P(Int8Shapes, the_product_is_that_of_the_values_the_codes_stand_for) {
  const auto [rows, out, in, block] = GetParam();
  const at::Tensor w = values({out, in}, 2);
  const Int8Rows x = quantized(values({rows, in}, 3), block);
  const at::Tensor exact =
      at::mm(meant(x, in).to(at::kDouble), meant(quantized(w, block), in).to(at::kDouble).t());
  EXPECT_LT(relative_error(product(Int8Panels::quantize(w, block), x).to(at::kDouble), exact), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Edges, Int8Shapes,
                         ::testing::Values(std::array<std::int64_t, 4>{1, 16, 64, 64},
                                           std::array<std::int64_t, 4>{3, 17, 70, 32},
                                           std::array<std::int64_t, 4>{8, 5, 16, 16},
                                           std::array<std::int64_t, 4>{9, 48, 100, 16},
                                           std::array<std::int64_t, 4>{14, 32, 100, 48},
                                           std::array<std::int64_t, 4>{150, 33, 128, 64}));

TEST(Int8, an_nf4_product_is_within_the_rounding_of_both_to_8_bits) {
  const PackedWeight weight = PackedWeight::quantize(values({80, 192}, 4), true);
  const at::Tensor x = values({11, 192}, 5);
  const at::Tensor exact = at::mm(x, weight.dequantize(at::kFloat).t());
  EXPECT_LT(relative_error(product(Int8Panels::from_nf4(weight), quantized(x, 64)), exact), 0.01);
}

TEST(Int8, a_block_of_q8_0_is_kept_exactly) {
  const at::Tensor codes = values({16, 32}, 6).mul(40).round().clamp(-127, 127);
  codes.select(1, 0).fill_(127);  // every Q8_0 block has its largest code
  const at::Tensor scale = (values({16, 1}, 7).abs() + 0.01).to(at::kHalf).to(at::kFloat);
  const at::Tensor w = codes * scale;
  const Int8Rows one = quantized(at::eye(32), 32);
  EXPECT_TRUE(at::allclose(product(Int8Panels::quantize(w, 32), one), w.t(), 1e-6, 0));
}

TEST(Int8, a_rows_bits_do_not_depend_on_the_rows_beside_it_nor_on_how_panels_are_shared_out) {
  const PackedWeight weight = PackedWeight::quantize(values({64, 128}, 8), false);
  const Int8Panels panels = Int8Panels::from_nf4(weight);
  const at::Tensor x = values({21, 128}, 9);
  const at::Tensor together = product(panels, quantized(x, 64));
  for (std::int64_t r = 0; r < 21; ++r) {
    EXPECT_TRUE(at::equal(product(panels, quantized(x.narrow(0, r, 1), 64))[0], together[r])) << r;
  }
  at::Tensor parts = at::empty_like(together);
  const Int8Rows rows = quantized(x, 64);
  for (std::int64_t p = 0; p < panels.panels(); ++p) {
    panels.multiply(rows, {p, p + 1}, parts.mutable_data_ptr<float>(), 64);
  }
  EXPECT_TRUE(at::equal(parts, together));
}

TEST(Int8, adding_is_the_product_plus_what_was_there) {
  const Int8Panels panels = Int8Panels::quantize(values({20, 32}, 10), 16);
  const Int8Rows rows = quantized(values({2, 32}, 11), 16);
  const at::Tensor before = values({2, 20}, 12);
  at::Tensor y = before.clone();
  panels.multiply(rows, {0, panels.panels(), true}, y.mutable_data_ptr<float>(), 20);
  EXPECT_TRUE(at::equal(y, product(panels, rows) + before));
}

TEST(Int8, parts_of_the_columns_add_up_to_the_whole) {
  const Int8Panels panels = Int8Panels::quantize(values({20, 48}, 10), 16);
  const Int8Rows rows = quantized(values({2, 48}, 11), 16);
  at::Tensor y = at::empty({2, 20}, at::kFloat);
  panels.multiply(rows, {0, panels.panels(), false, 0, 16}, y.mutable_data_ptr<float>(), 20);
  panels.multiply(rows, {0, panels.panels(), true, 16, 48}, y.mutable_data_ptr<float>(), 20);
  EXPECT_TRUE(at::allclose(y, product(panels, rows), 1e-6, 1e-6));
}

TEST(Int8, columns_left_out_within_a_block_count_as_the_zeros_that_they_are) {
  const Int8Panels panels = Int8Panels::quantize(values({20, 96}, 10), 48);
  const at::Tensor x = values({2, 96}, 11);
  x.narrow(1, 0, 32).zero_();
  x.narrow(1, 64, 32).zero_();
  const Int8Rows rows = quantized(x, 48);
  at::Tensor y = at::empty({2, 20}, at::kFloat);
  panels.multiply(rows, {0, panels.panels(), false, 32, 64}, y.mutable_data_ptr<float>(), 20);
  EXPECT_TRUE(at::equal(y, product(panels, rows)));
}

/// One panel in 8 bits and rows for it, on which the kernels are compared.
class Int8Kernels : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(Int8Kernels, every_instruction_set_gives_the_bits_of_plain_cpp) {
  constexpr std::int64_t kBlocks = 5;
  const std::int64_t block = GetParam();
  const std::int64_t bytes = block * 16 + 64;
  at::Tensor panel = (values({kBlocks, bytes}, 13) * 60).clamp(-127, 127).add(128).to(at::kByte);
  for (std::int64_t b = 0; b < kBlocks; ++b) {
    const at::Tensor scales = values({16}, 14 + static_cast<std::uint64_t>(b));
    std::memcpy(panel.data_ptr<std::uint8_t>() + b * bytes + block * 16, scales.const_data_ptr<float>(), 64);
  }
  for (std::int64_t count = 1; count <= kInt8Rows + 2; ++count) {
    const std::int64_t first = block - 16;
    const std::int64_t last = (kBlocks - 1) * block + 16;
    const at::Tensor x = at::zeros({count, kBlocks * block});
    x.narrow(1, first, last - first).copy_(values({count, last - first}, 20));
    const Int8Rows rows = quantized(x, block);
    const Int8Tile tile{rows.codes(0), rows.scales(0), rows.corrections(0), kBlocks, count, kBlocks, first,
                        last};
    const auto run = [&](const Int8Kernel& kernel) {
      at::Tensor sums = at::empty({count, 16}, at::kFloat);
      kernel.eight_bit(panel.const_data_ptr<std::uint8_t>(), block, tile,
                       {sums.data_ptr<float>(), 16, false});
      return sums;
    };
    const at::Tensor plain = run(int8_scalar_kernel());
    EXPECT_TRUE(at::equal(run(int8_avx2_kernel()), plain)) << "avx2, rows " << count;
    EXPECT_TRUE(at::equal(run(int8_kernel()), plain)) << int8_kernel().name << ", rows " << count;
  }
}

INSTANTIATE_TEST_SUITE_P(Blocks, Int8Kernels, ::testing::Values(16, 32, 48, 64));

TEST(Int8Kernels, four_bits_give_the_bits_of_the_same_panel_widened) {
  constexpr std::int64_t kBlocks = 3;
  constexpr std::int64_t kNarrow = 64 * 8 + 64;
  at::Tensor panel = (values({kBlocks, kNarrow}, 30) * 50).clamp(-128, 127).add(128).to(at::kByte);
  for (std::int64_t b = 0; b < kBlocks; ++b) {
    const at::Tensor scales = values({16}, 31);
    std::memcpy(panel.data_ptr<std::uint8_t>() + b * kNarrow + 512, scales.const_data_ptr<float>(), 64);
  }
  std::array<std::uint8_t, 16> table{};
  for (std::size_t i = 0; i < 16; ++i) {
    table[i] = static_cast<std::uint8_t>(1 + i * 17 % 255);
  }
  const auto widened = [&](const Int8Kernel& kernel) {
    at::Tensor wide = at::empty({kBlocks, 64 * 16 + 64}, at::kByte);
    kernel.widen(panel.const_data_ptr<std::uint8_t>(), table.data(), kBlocks, wide.data_ptr<std::uint8_t>());
    return wide;
  };
  const at::Tensor wide = widened(int8_scalar_kernel());
  EXPECT_TRUE(at::equal(widened(int8_avx2_kernel()), wide));
  EXPECT_TRUE(at::equal(widened(int8_kernel()), wide));
  if (int8_kernel().four_bit == nullptr) {
    GTEST_SKIP() << "this CPU has no kernel of its own for 4 bits";
  }
  for (std::int64_t count = 1; count <= kInt8Rows + 2; ++count) {
    const Int8Rows rows = quantized(values({count, kBlocks * 64}, 32), 64);
    const Int8Tile tile{rows.codes(0), rows.scales(0), rows.corrections(0), kBlocks, count, kBlocks, 0,
                        kBlocks * 64};
    at::Tensor four = at::empty({count, 16}, at::kFloat);
    at::Tensor eight = at::empty({count, 16}, at::kFloat);
    int8_kernel().four_bit(panel.const_data_ptr<std::uint8_t>(), table.data(), tile,
                           {four.data_ptr<float>(), 16, false});
    int8_scalar_kernel().eight_bit(wide.const_data_ptr<std::uint8_t>(), 64, tile,
                                   {eight.data_ptr<float>(), 16, false});
    EXPECT_TRUE(at::equal(four, eight)) << "rows " << count;
  }
}

}  // namespace
}  // namespace routedk::quant::cpu
