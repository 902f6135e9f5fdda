#include "routedk/kernels/lora.h"

#include "support/expect_close.h"
#include "support/gradient_check.h"
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

constexpr std::int64_t kTokens = 50;
constexpr std::int64_t kIn = 96;
constexpr std::int64_t kOut = 40;

at::Tensor some(at::IntArrayRef shape, double frequency) {
  return at::sin(at::arange(c10::multiply_integers(shape), at::kFloat) * frequency).view(shape);
}

struct Case {
  bool packed;
  double rate;
};

class LoraLinear : public ::testing::TestWithParam<Case> {
 protected:
  FrozenLinear weight() const {
    const at::Tensor dense = some({kOut, kIn}, 1.3) * 0.1;
    const Weight weight = GetParam().packed ? Weight(Nf4::quantize(dense, true)) : Weight(Dense{dense});
    return FrozenLinear(weight, some({kOut}, 0.2));
  }
  KeyedDropout dropout() const { return {GetParam().rate, {{0, 20, 7}, {20, kTokens, 8}}}; }

  LoraFactors factors_{some({16, kIn}, 0.7) * 0.2, some({16, kOut}, 0.9) * 0.2, 1.5};
  at::Tensor x_ = some({kTokens, kIn}, 0.37);
};

INSTANTIATE_TEST_SUITE_P(Cases, LoraLinear,
                         ::testing::Values(Case{true, 0.0}, Case{true, 0.3}, Case{false, 0.0},
                                           Case{false, 0.3}));

TEST_P(LoraLinear, equals_the_dense_sum_in_double_precision) {
  const at::Tensor found = lora_linear(weight(), factors_, dropout(), x_);
  const at::Tensor x = x_.to(at::kDouble);
  const at::Tensor narrow = at::mm(dropout()(x), factors_.a.to(at::kDouble).t());
  const at::Tensor exact = at::mm(x, dequantize(weight().weight(), at::kFloat).to(at::kDouble).t()) +
                           weight().bias() + 1.5 * at::mm(narrow, factors_.bt.to(at::kDouble));
  testing::expect_close(found.to(at::kDouble), exact, {0.0, 1e-5});
}

TEST_P(LoraLinear, its_gradients_agree_with_finite_differences) {
  const auto of_x = [&](const at::Tensor& x) { return lora_linear(weight(), factors_, dropout(), x); };
  testing::expect_gradient(of_x, x_, {0.5, 1e-3, 60});
  const auto of_a = [&](const at::Tensor& a) {
    return lora_linear(weight(), {a, factors_.bt, 1.5}, dropout(), x_);
  };
  testing::expect_gradient(of_a, factors_.a, {0.5, 1e-3, 60});
  const auto of_bt = [&](const at::Tensor& bt) {
    return lora_linear(weight(), {factors_.a, bt, 1.5}, dropout(), x_);
  };
  testing::expect_gradient(of_bt, factors_.bt, {0.5, 1e-3, 60});
}

}  // namespace
}  // namespace routedk::kernels
