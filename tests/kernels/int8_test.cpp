#include "routedk/kernels/cpu/int8.h"

#include "routedk/kernels/weight.h"

#include <limits>

#include "../../src/kernels/cpu/int8_kernel.h"
#include "support/expect_close.h"
#include <gtest/gtest.h>

namespace routedk::kernels::cpu {
namespace {

using testing::expect_equal;

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
  float* to = out.mutable_data_ptr<float>();
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    for (std::int64_t i = 0; i < width; ++i) {
      *to++ = static_cast<float>(x.codes(r)[i]) * x.scales(r)[i / x.block()];
    }
  }
  return out;
}

/// x W^T, or that of other terms.
at::Tensor product(std::initializer_list<Int8Panels::Term> terms) {
  const Int8Panels& w = *terms.begin()->weight;
  at::Tensor y = at::empty({terms.begin()->x->rows(), w.out()}, at::kFloat);
  Int8Panels::multiply({terms.begin(), terms.size()}, {0, w.panels()}, y.mutable_data_ptr<float>(), w.out());
  return y;
}

at::Tensor product(const Int8Panels& w, const Int8Rows& x) {
  return product({{&w, &x}});
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

TEST(Int8, weights_multiply_sixteen_values_each_and_silence_those_of_weight_0) {
  at::Tensor x = values({1, 80}, 40);
  at::Tensor weighed = x.clone();
  const std::array<float, 5> weights{0.5F, 0.0F, -2.0F, 1.0F, 0.3F};
  for (std::int64_t i = 0; i < 5; ++i) {
    weighed.narrow(1, i * 16, 16).mul_(weights[static_cast<std::size_t>(i)]);
  }
  x.narrow(1, 16, 16).fill_(std::numeric_limits<float>::quiet_NaN());
  Int8Rows rows(48);
  rows.resize(1, 80);
  rows.quantize(0, x.const_data_ptr<float>(), weights.data());
  const Int8Rows expected = quantized(weighed, 48);
  for (std::int64_t i = 0; i < 96; ++i) {
    EXPECT_EQ(rows.codes(0)[i], expected.codes(0)[i]) << i;
  }
  for (std::int64_t b = 0; b < 2; ++b) {
    EXPECT_EQ(rows.scales(0)[b], expected.scales(0)[b]);
    EXPECT_EQ(rows.corrections(0)[b], expected.corrections(0)[b]);
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
                                           std::array<std::int64_t, 4>{150, 33, 128, 64},
                                           std::array<std::int64_t, 4>{197, 33, 128, 64}));

TEST(Int8, an_nf4_product_is_within_the_rounding_of_both_to_8_bits) {
  const Nf4 weight = Nf4::quantize(values({80, 192}, 4), true);
  const at::Tensor x = values({11, 192}, 5);
  const at::Tensor exact = at::mm(x, dequantize(weight, at::kFloat).t());
  EXPECT_LT(relative_error(product(Int8Panels::from_nf4(weight), quantized(x, 64)), exact), 0.01);
}

TEST(Int8, a_block_of_q8_0_is_kept_exactly) {
  const at::Tensor codes = values({16, 32}, 6).mul(40).round().clamp(-127, 127);
  codes.select(1, 0).fill_(127);  // every Q8_0 block has its largest code
  const at::Tensor scale = (values({16, 1}, 7).abs() + 0.01).to(at::kHalf).to(at::kFloat);
  const at::Tensor w = codes * scale;
  const Int8Rows one = quantized(at::eye(32), 32);
  testing::expect_close(product(Int8Panels::quantize(w, 32), one), w.t(), {1e-6, 0});
}

/// 70 rows of an NF4 matrix: five panels, the last one cut short, and 16 ranks of an adapter's B beside
/// it.
struct Pair {
  Int8Panels w = Int8Panels::from_nf4(Nf4::quantize(values({70, 128}, 8), false));
  Int8Panels b = Int8Panels::quantize(values({70, 16}, 9), 16);
  at::Tensor x = values({197, 128}, 10);
  at::Tensor narrow = values({197, 16}, 11);
};

TEST(Int8, a_rows_bits_do_not_depend_on_the_rows_beside_it) {
  const Pair pair;
  const Int8Rows x = quantized(pair.x, 64);
  const Int8Rows narrow = quantized(pair.narrow, 16);
  const at::Tensor together = product({{&pair.w, &x}, {&pair.b, &narrow}});
  for (std::int64_t r = 0; r < 197; ++r) {
    const Int8Rows one = quantized(pair.x.narrow(0, r, 1), 64);
    const Int8Rows one_narrow = quantized(pair.narrow.narrow(0, r, 1), 16);
    SCOPED_TRACE(r);
    expect_equal(product({{&pair.w, &one}, {&pair.b, &one_narrow}})[0], together[r]);
  }
}

TEST(Int8, the_bits_do_not_depend_on_how_panels_and_rows_are_shared_out) {
  const Pair pair;
  const Int8Rows x = quantized(pair.x, 64);
  const Int8Panels::Term term[] = {{&pair.w, &x}};
  at::Tensor y = at::empty({197, 70}, at::kFloat);
  for (std::int64_t panel = 0; panel < pair.w.panels(); ++panel) {
    for (std::int64_t row = 0; row < 197; row += 9) {
      const Int8Panels::Part part{panel, panel + 1, false, row, std::min<std::int64_t>(row + 9, 197)};
      Int8Panels::multiply(term, part, y.mutable_data_ptr<float>(), 70);
    }
  }
  expect_equal(y, product(pair.w, x));
}

TEST(Int8, two_terms_are_the_sum_of_both_products) {
  const Pair pair;
  const Int8Rows x = quantized(pair.x, 64);
  const Int8Rows narrow = quantized(pair.narrow, 16);
  const at::Tensor sum = product(pair.w, x) + product(pair.b, narrow);
  testing::expect_close(product({{&pair.w, &x}, {&pair.b, &narrow}}), sum, {1e-5, 1e-5});
}

TEST(Int8, terms_at_once_and_one_after_the_other_give_the_same_bits) {
  const Pair pair;
  for (const std::int64_t rows : {1, 8, 21, 197}) {
    const Int8Rows x = quantized(pair.x.narrow(0, 0, rows), 64);
    const Int8Rows narrow = quantized(pair.narrow.narrow(0, 0, rows), 16);
    const Int8Panels::Term later[] = {{&pair.b, &narrow}};
    at::Tensor y = product(pair.w, x);
    Int8Panels::multiply(later, {0, pair.b.panels(), true}, y.mutable_data_ptr<float>(), 70);
    SCOPED_TRACE(rows);
    expect_equal(y, product({{&pair.w, &x}, {&pair.b, &narrow}}));
  }
}

TEST(Int8, parts_of_the_columns_are_summed_as_the_whole_is) {
  const Int8Panels panels = Int8Panels::quantize(values({20, 48}, 10), 16);
  const Int8Rows rows = quantized(values({2, 48}, 11), 16);
  expect_equal(product({{&panels, &rows, 0, 16}, {&panels, &rows, 16, 48}}), product(panels, rows));
}

TEST(Int8, columns_left_out_within_a_block_count_as_the_zeros_that_they_are) {
  const Int8Panels panels = Int8Panels::quantize(values({20, 96}, 10), 48);
  const at::Tensor x = values({2, 96}, 11);
  x.narrow(1, 0, 32).zero_();
  x.narrow(1, 64, 32).zero_();
  const Int8Rows rows = quantized(x, 48);
  expect_equal(product({{&panels, &rows, 32, 64}}), product(panels, rows));
}

/// What lies behind a block's codes.
struct Tail {
  bool half = false;
  bool minima = false;
};

/// Neighbouring panels of any bytes and scales, with rows for them.
struct Operand {
  at::Tensor panels;  // [panels,blocks,bytes of a block] U8
  Int8Rows rows;
  Tail tail;

  /// width: bytes of a block's codes.
  Operand(std::int64_t count, std::int64_t blocks, std::int64_t block, std::int64_t width,
          const at::Tensor& x, std::uint64_t seed, Tail with = {})
      : rows(quantized(x, block)), tail(with) {
    const at::Tensor codes =
        (values({count, blocks, width}, seed) * 60).clamp(-127, 127).add(128).to(at::kByte);
    const at::Tensor numbers = values({count, blocks, with.minima ? 32 : 16}, seed + 1);
    const at::Tensor bytes = numbers.to(with.half ? at::kHalf : at::kFloat).view(at::kByte);
    panels = at::cat({codes, bytes}, 2);
  }

  /// As 8-bit codes, between two columns of which x is not zero.
  Int8Term term(std::int64_t first, std::int64_t last) const {
    return {panels.const_data_ptr<std::uint8_t>(),
            panels.stride(0),
            nullptr,
            rows.codes(0),
            rows.scales(0),
            rows.corrections(0),
            rows.block(),
            panels.size(1),
            rows.blocks(),
            first,
            last,
            tail.half,
            tail.minima,
            rows.sums(0)};
  }
};

at::Tensor sums(const Int8Kernel& kernel, std::span<const Int8Term> terms, std::int64_t rows,
                std::int64_t panels, const at::Tensor& before, bool add = true) {
  at::Tensor y = before.clone();
  kernel.multiply(terms, rows, panels, {y.mutable_data_ptr<float>(), y.stride(0), add});
  return y;
}

constexpr std::int64_t kMostRows = 2 * kInt8FewRows + 3;

class Int8Kernels : public ::testing::TestWithParam<std::tuple<std::int64_t, Tail>> {};

TEST_P(Int8Kernels, every_instruction_set_gives_the_bits_of_plain_cpp) {
  constexpr std::int64_t kBlocks = 5;
  const auto [block, tail] = GetParam();
  const std::int64_t first = block - 16;
  const std::int64_t last = (kBlocks - 1) * block + 16;
  for (std::int64_t rows = 1; rows <= kMostRows; ++rows) {
    for (std::int64_t panels = 1; panels <= kInt8Panels; ++panels) {
      const at::Tensor x = at::zeros({rows, kBlocks * block});
      x.narrow(1, first, last - first).copy_(values({rows, last - first}, 20));
      const Operand wide(panels, kBlocks, block, block * 16, x, 13, tail);
      const Operand narrow(panels, 2, 16, 256, values({rows, 32}, 21), 15);
      const Int8Term terms[] = {wide.term(first, last), narrow.term(0, 32)};
      const at::Tensor before = values({rows, panels * 16}, 22);
      for (const bool add : {false, true}) {
        const at::Tensor plain = sums(int8_scalar_kernel(), terms, rows, panels, before, add);
        SCOPED_TRACE(::testing::Message() << rows << " rows, " << panels << " panels");
        expect_equal(sums(int8_avx2_kernel(), terms, rows, panels, before, add), plain);
        expect_equal(sums(int8_kernel(), terms, rows, panels, before, add), plain);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Blocks, Int8Kernels,
                         ::testing::Combine(::testing::Values(16, 32, 48, 64),
                                            ::testing::Values(Tail{}, Tail{true, false}, Tail{false, true},
                                                              Tail{true, true})));

class Int8FourBits : public ::testing::TestWithParam<std::tuple<std::int64_t, Tail>> {};

TEST_P(Int8FourBits, give_the_bits_of_the_same_panel_widened) {
  const auto [block, tail] = GetParam();
  constexpr std::int64_t kBlocks = 3;
  std::array<std::uint8_t, 16> table{};
  for (std::size_t i = 0; i < 16; ++i) {
    table[i] = static_cast<std::uint8_t>(1 + i * 17 % 255);
  }
  for (std::int64_t rows = 1; rows <= kInt8FewRows; ++rows) {
    const Operand four(kInt8Panels, kBlocks, block, block * 8, values({rows, kBlocks * block}, 32), 30, tail);
    Int8Term narrow = four.term(0, kBlocks * block);
    narrow.table = table.data();
    const auto widened = [&](const Int8Kernel& kernel) {
      at::Tensor wide = at::empty({kInt8Panels, kBlocks, block * 16 + narrow.tail_bytes()}, at::kByte);
      for (std::int64_t p = 0; p < kInt8Panels; ++p) {
        Int8Term panel = narrow;
        panel.panel += p * narrow.panel_bytes;
        kernel.widen(panel, wide[p].data_ptr<std::uint8_t>());
      }
      return wide;
    };
    const at::Tensor wide = widened(int8_scalar_kernel());
    expect_equal(widened(int8_avx2_kernel()), wide);
    expect_equal(widened(int8_kernel()), wide);
    Int8Term plain = narrow;
    plain.table = nullptr;
    plain.panel = wide.const_data_ptr<std::uint8_t>();
    plain.panel_bytes = wide.stride(0);
    const at::Tensor before = values({rows, kInt8Panels * 16}, 33);
    SCOPED_TRACE(rows);
    const at::Tensor expected = sums(int8_scalar_kernel(), {&plain, 1}, rows, kInt8Panels, before);
    for (const Int8Kernel* const kernel : {&int8_kernel(), &int8_avx2_kernel()}) {
      if (kernel->four_bit) {  // plain C++ takes what is widened
        expect_equal(sums(*kernel, {&narrow, 1}, rows, kInt8Panels, before), expected);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Blocks, Int8FourBits,
                         ::testing::Combine(::testing::Values(16, 32, 64),
                                            ::testing::Values(Tail{}, Tail{true, false}, Tail{false, true},
                                                              Tail{true, true})));

TEST(Int8, blocks_whose_values_are_too_small_to_divide_127_by_become_zeros) {
  const at::Tensor x = at::full({1, 32}, 1e-39F);  // subnormal
  const Int8Rows rows = quantized(x, 16);
  for (std::int64_t b = 0; b < rows.blocks(); ++b) {
    EXPECT_EQ(rows.scales(0)[b], 0.0F);
    EXPECT_EQ(rows.corrections(0)[b], 0);
    EXPECT_EQ(rows.codes(0)[16 * b], 0);
  }
  const Int8Rows smallest = quantized(at::full({1, 16}, 0x1p-120F), 16);
  EXPECT_EQ(smallest.codes(0)[0], 127);
}

}  // namespace
}  // namespace routedk::kernels::cpu
