#include "routedk/kernels/lora.h"

#include <array>
#include <utility>

#include "support/expect_close.h"
#include "support/gradient_check.h"
#include "support/wave.h"
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

using testing::wave;

constexpr std::int64_t kTokens = 50;
constexpr std::int64_t kWidthIn = 96;
constexpr std::int64_t kWidthOut = 40;

struct Case {
  bool packed;
  double rate;
};

class LoraLinear : public ::testing::TestWithParam<Case> {
 protected:
  FrozenLinear weight() const {
    const at::Tensor dense = wave({kWidthOut, kWidthIn}, 1.3) * 0.1;
    const Weight weight = GetParam().packed ? Weight(Nf4::quantize(dense, true)) : Weight(Dense{dense});
    return FrozenLinear(weight, wave({kWidthOut}, 0.2));
  }
  KeyedDropout dropout() const { return {GetParam().rate, {{0, 20, 7}, {20, kTokens, 8}}}; }

  LoraFactors factors_{wave({16, kWidthIn}, 0.7) * 0.2, wave({16, kWidthOut}, 0.9) * 0.2, 1.5};
  at::Tensor x_ = wave({kTokens, kWidthIn}, 0.37);
};

INSTANTIATE_TEST_SUITE_P(Cases, LoraLinear,
                         ::testing::Values(Case{true, 0.0}, Case{true, 0.3}, Case{false, 0.0},
                                           Case{false, 0.3}));

at::Tensor lora_linear(const FrozenLinear& linear, const std::vector<LoraRows>& parts, const at::Tensor& x) {
  return lora_linears({{linear, parts}}, x).front();
}

/// Every row under one adapter.
at::Tensor lora(const FrozenLinear& linear, const LoraFactors& factors, const KeyedDropout& dropout,
                const at::Tensor& x) {
  return lora_linear(linear, {{factors, dropout, 0, x.size(0)}}, x);
}

TEST_P(LoraLinear, equals_the_dense_sum_in_double_precision) {
  const at::Tensor found = lora(weight(), factors_, dropout(), x_);
  const at::Tensor x = x_.to(at::kDouble);
  const at::Tensor narrow = at::mm(dropout()(x), factors_.a.to(at::kDouble).t());
  const at::Tensor exact = at::mm(x, dequantize(weight().weight(), at::kFloat).to(at::kDouble).t()) +
                           weight().bias() + 1.5 * at::mm(narrow, factors_.bt.to(at::kDouble));
  testing::expect_close(found.to(at::kDouble), exact, {0.0, 1e-5});
}

TEST_P(LoraLinear, its_gradients_agree_with_finite_differences) {
  const auto of_x = [&](const at::Tensor& x) { return lora(weight(), factors_, dropout(), x); };
  testing::expect_gradient(of_x, x_, {0.5, 1e-3, 60});
  const auto of_a = [&](const at::Tensor& a) { return lora(weight(), {a, factors_.bt, 1.5}, dropout(), x_); };
  testing::expect_gradient(of_a, factors_.a, {0.5, 1e-3, 60});
  const auto of_bt = [&](const at::Tensor& bt) {
    return lora(weight(), {factors_.a, bt, 1.5}, dropout(), x_);
  };
  testing::expect_gradient(of_bt, factors_.bt, {0.5, 1e-3, 60});
}

TEST_P(LoraLinear, parts_of_a_batch_compute_what_they_do_alone_bit_for_bit) {
  const auto leaf = [](const at::Tensor& t) { return t.clone().set_requires_grad(true); };
  const std::array<LoraFactors, 2> factors = {
      factors_, {wave({5, kWidthIn}, 0.3) * 0.2, wave({5, kWidthOut}, 0.4) * 0.2, 0.5}};
  const std::array<std::pair<std::int64_t, std::int64_t>, 2> rows = {
      {{0, 33}, {40, kTokens}}};  // 33..40: none
  for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    const FrozenLinear linear(weight().weight(), weight().bias(), precision);
    std::vector<LoraRows> parts;
    for (std::size_t i = 0; i < 2; ++i) {
      const KeyedDropout dropout(GetParam().rate, {{0, rows[i].second - rows[i].first, i + 3}});
      parts.push_back({{leaf(factors[i].a), leaf(factors[i].bt), factors[i].scale},
                       dropout,
                       rows[i].first,
                       rows[i].second});
    }
    const at::Tensor x = leaf(x_);
    const at::Tensor y = lora_linear(linear, parts, x);
    torch::autograd::backward({testing::mixed_sum(y)}, {});
    testing::expect_equal(y.detach().slice(0, 33, 40), linear.forward(x_).slice(0, 33, 40));
    for (const LoraRows& part : parts) {
      const at::Tensor alone_x = leaf(x_.slice(0, part.begin, part.end));
      const LoraRows alone{
          {leaf(part.factors.a.detach()), leaf(part.factors.bt.detach()), part.factors.scale},
          part.dropout,
          0,
          alone_x.size(0)};
      const at::Tensor found = lora_linear(linear, {alone}, alone_x);
      testing::expect_equal(found.detach(), y.detach().slice(0, part.begin, part.end));
      const at::Tensor whole = y.detach().clone().set_requires_grad(true);
      torch::autograd::backward({testing::mixed_sum(whole)}, {});
      torch::autograd::backward({found}, {whole.grad().slice(0, part.begin, part.end)});
      testing::expect_equal(alone_x.grad(), x.grad().slice(0, part.begin, part.end));
      testing::expect_equal(alone.factors.a.grad(), part.factors.a.grad());
      testing::expect_equal(alone.factors.bt.grad(), part.factors.bt.grad());
    }
  }
}

}  // namespace
}  // namespace routedk::kernels
