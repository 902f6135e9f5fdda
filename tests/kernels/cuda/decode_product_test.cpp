/// Every compiled variant against a product of the dequantised matrix, in the emulator or on a GPU.
#include "kernels/cuda/decode_product.h"

#include "routedk/kernels/weight.h"

#include <array>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/cuda/decode_tiles.h"
#include "kernels/cuda/tensors.h"
#include "support/cuda_device.h"
#include "support/expect_close.h"
#include <gtest/gtest.h>

namespace routedk::kernels::cuda {
namespace {

constexpr std::int64_t kExperts = 3;

/// What a test multiplies: N = the sum of the sections' rows.
struct Case {
  std::vector<std::int64_t> sections;
  std::int64_t columns;
  std::int64_t ranks;  // R; 0: no adapter
};

at::Tensor on_device(const at::Tensor& x) {
  return x.to(testing::cuda_device());
}

/// [M,K] -> [K/8][M][8], columns padded with zeros
at::Tensor in_panels(const at::Tensor& x, std::int64_t columns) {
  return at::constant_pad_nd(x, {0, columns - x.size(1)})
      .view({x.size(0), columns / 8, 8})
      .permute({1, 0, 2})
      .contiguous();
}

class Inputs {
 public:
  Inputs(const Case& shape, std::int64_t rows, bool nf4) : shape_(shape), rows_(rows) {
    at::manual_seed(static_cast<std::uint64_t>(rows * 7 + shape.columns));
    const auto sections = static_cast<std::int64_t>(shape.sections.size());
    std::vector<at::Tensor> dense;
    std::vector<Nf4> matrices;
    for (std::size_t s = 0; s < shape.sections.size(); ++s) {
      const at::Tensor values = at::randn({shape.sections[s], shape.columns}) * 0.02;
      matrices.push_back(Nf4::quantize(values, s % 2 == 0));
      dense.push_back(nf4 ? dequantize(Weight(matrices.back()), at::kFloat)
                          : values.to(at::kBFloat16).to(at::kFloat));
      n_ += shape.sections[s];
    }
    std::vector<const Nf4*> pointers;
    for (const Nf4& m : matrices) {
      pointers.push_back(&m);
    }
    tiles_ = nf4 ? nf4_tiles(pointers) : bf16_tiles(at::cat(dense, 0), 64);
    x_ = at::randn({rows, shape.columns}).to(at::kBFloat16);
    wanted_ = x_.to(at::kFloat).mm(at::cat(dense, 0).t());
    if (shape.ranks > 0) {
      const at::Tensor a = (at::randn({sections * shape.ranks, shape.columns}) * 0.05).to(at::kBFloat16);
      const at::Tensor b = (at::randn({n_, shape.ranks}) * 0.1).to(at::kBFloat16);
      alpha_ = at::rand({2, kExperts});
      sequence_ = at::arange(rows, at::kInt).remainder(2).to(at::kInt);
      expert_ = at::arange(sections * shape.ranks, at::kLong).remainder(kExperts).to(at::kByte);
      const at::Tensor weights =
          alpha_.index_select(0, sequence_.to(at::kLong)).index_select(1, expert_.to(at::kLong));
      const at::Tensor down = x_.to(at::kFloat).mm(a.to(at::kFloat).t()) * weights;  // [M, sections R]
      std::int64_t row = 0;
      for (std::int64_t s = 0; s < sections; ++s) {
        const std::int64_t count = shape.sections[static_cast<std::size_t>(s)];
        wanted_.narrow(1, row, count)
            .add_(
                down.narrow(1, s * shape.ranks, shape.ranks).mm(b.narrow(0, row, count).to(at::kFloat).t()));
        row += count;
      }
      a_ = bf16_tiles(a, tiles_.columns);
      b_ = bf16_tiles(b, 16);
    }
    for (at::Tensor* t :
         {&tiles_.codes, &tiles_.scales, &a_.codes, &b_.codes, &alpha_, &sequence_, &expert_}) {
      *t = t->defined() ? on_device(*t) : *t;
    }
    panels_ = on_device(in_panels(x_, tiles_.columns));
    y_ = at::full({16, rows, n_}, NAN, panels_.options().dtype(at::kFloat));
    down_ = at::full({64, rows, std::max<std::int64_t>(1, sections * shape.ranks)}, NAN, y_.options());
    done_ = at::zeros({1}, y_.options().dtype(at::kInt));
  }

  DecodeProduct product() const {
    DecodeProduct p;
    p.weight = tiles_.view();
    p.x = static_cast<const std::uint16_t*>(panels_.const_data_ptr());
    p.y = y_.data_ptr<float>();
    p.rows = static_cast<int>(rows_);
    if (shape_.ranks > 0) {
      StackedAdapter& l = p.adapter;
      l.a = a_.codes.const_data_ptr();
      l.b = b_.codes.const_data_ptr();
      l.expert = expert_.data_ptr<std::uint8_t>();
      l.ranks = static_cast<int>(shape_.ranks);
      l.sections = static_cast<int>(shape_.sections.size());
      const auto first = static_cast<int>(shape_.sections[0] / 16);
      l.second = l.sections > 1 ? first : l.second;
      l.third = l.sections > 2 ? first + static_cast<int>(shape_.sections[1] / 16) : l.third;
      l.alpha = alpha_.const_data_ptr<float>();
      l.sequence = sequence_.const_data_ptr<int>();
      l.experts = kExperts;
      l.down = down_.data_ptr<float>();
      l.done = done_.data_ptr<int>();
    }
    return p;
  }
  double error_of(const ProductPlan& plan, RowSource source, const DecodeProduct& product) const {
    y_.fill_(NAN);
    done_.zero_();
    launch_decode_product(product, source, plan, current_stream());
    return testing::relative_error(y_.narrow(0, 0, plan.splits).sum(0), wanted_);
  }

  const at::Tensor& x() const { return x_; }
  at::Tensor wanted_;

 private:
  Case shape_;
  std::int64_t rows_;
  std::int64_t n_ = 0;
  at::Tensor x_, panels_, alpha_, sequence_, expert_, y_, down_, done_;
  Tiles tiles_, a_, b_;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {{{128}, 128, 0},      {{64}, 576, 16},   {{128, 32, 32}, 1024, 48},
                                        {{64, 64}, 1792, 32}, {{512}, 2048, 80}, {{128}, 4096, 48}};
  return all;
}

class DecodeProductTest : public testing::CudaKernels,
                          public ::testing::WithParamInterface<std::tuple<int, bool>> {};
class DecodeProductRows : public testing::CudaKernels {};

TEST_P(DecodeProductTest, every_variant_equals_the_product_of_the_dequantised_matrix) {
  const auto [rows, nf4] = GetParam();
  std::vector<int> ran(static_cast<std::size_t>(product_variants()));
  for (const Case& shape : cases()) {
    const Inputs inputs(shape, rows, nf4);
    for (int v = 0; v < product_variants(); ++v) {
      for (const int splits : {1, 2, 4, 7}) {
        const DecodeProduct product = inputs.product();
        if (!product_variant_fits(v, product, RowSource::kMemory, splits)) {
          continue;
        }
        const ProductPlan plan{v, splits, product_pieces(product, splits)};
        ++ran[static_cast<std::size_t>(v)];
        EXPECT_LT(inputs.error_of(plan, RowSource::kMemory, product), 5e-3)
            << product_variant_name(v) << ", " << rows << " rows, " << splits << " splits, K "
            << shape.columns << ", ranks " << shape.ranks;
      }
    }
    EXPECT_GE(plan_product(inputs.product()).variant, 0) << "no plan";
  }
}

INSTANTIATE_TEST_SUITE_P(All, DecodeProductTest,
                         ::testing::Combine(::testing::Values(1, 2, 4, 8, 16, 32, 64), ::testing::Bool()));

TEST_F(DecodeProductRows, a_row_does_not_depend_on_those_beside_it) {
  const Inputs inputs({{128, 32, 32}, 1024, 48}, 8, true);
  const DecodeProduct product = inputs.product();
  const ProductPlan plan = plan_product(product);
  const auto y = [&](const at::Tensor& x) {
    const at::Tensor panels = on_device(in_panels(x, 1024));
    DecodeProduct p = product;
    at::Tensor out = at::full({plan.splits, 8, 192}, NAN, panels.options().dtype(at::kFloat));
    const at::Tensor done = at::zeros({1}, out.options().dtype(at::kInt));
    p.x = static_cast<const std::uint16_t*>(panels.const_data_ptr());
    p.y = out.data_ptr<float>();
    p.adapter.done = done.data_ptr<int>();
    launch_decode_product(p, plan, current_stream());
    return out.sum(0).cpu();
  };
  at::Tensor others = inputs.x().flip(0).contiguous();
  others[3] = inputs.x()[3];
  testing::expect_equal(y(inputs.x())[3], y(others)[3]);
}

}  // namespace
}  // namespace routedk::kernels::cuda
