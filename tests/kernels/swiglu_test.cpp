#include "routedk/kernels/swiglu.h"

#include "support/expect_close.h"
#include "support/gradient_check.h"
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

/// From -120 to 120, beyond where e^x leaves fp32's range.
at::Tensor gates(at::ScalarType type) {
  return at::linspace(-120.0, 120.0, 4801, at::kDouble).to(type).view({1, -1});
}

at::Tensor ups(at::ScalarType type) {
  return (at::sin(at::arange(4801, at::kDouble)) * 2.0).to(type).view({1, -1});
}

at::Tensor naive(const at::Tensor& gate, const at::Tensor& up) {
  const at::Tensor g = gate.to(at::kDouble);
  return g / (1.0 + at::exp(-g)) * up.to(at::kDouble);
}

TEST(SwiGlu, equals_its_definition_in_every_type_over_the_whole_range) {
  for (const auto& [type, relative] :
       {std::pair{at::kDouble, 1e-14}, std::pair{at::kFloat, 1e-6}, std::pair{at::kBFloat16, 4e-3}}) {
    const at::Tensor wanted = naive(gates(type), ups(type));
    const at::Tensor found = swiglu(gates(type), ups(type)).to(at::kDouble);
    EXPECT_LE(((found - wanted).abs() - relative * wanted.abs()).max().item<double>(), 1e-30)
        << at::toString(type);
  }
}

TEST(SwiGlu, an_element_has_the_same_bits_wherever_it_stands) {
  const at::Tensor all = swiglu(gates(at::kFloat), ups(at::kFloat));
  testing::expect_equal(all.narrow(1, 2333, 3),
                        swiglu(gates(at::kFloat).narrow(1, 2333, 3), ups(at::kFloat).narrow(1, 2333, 3)));
}

TEST(SwiGlu, its_backward_agrees_with_finite_differences) {
  const at::Tensor gate = at::linspace(-6.0, 6.0, 60, at::kDouble).view({3, 20});
  const at::Tensor up = at::cos(at::arange(60, at::kDouble)).view({3, 20});
  testing::expect_gradient([&](const at::Tensor& x) { return swiglu(x, up); }, gate, {1e-4, 1e-7, 60});
  testing::expect_gradient([&](const at::Tensor& x) { return swiglu(gate, x); }, up, {1e-4, 1e-7, 60});
}

TEST(SwiGlu, its_backward_in_float32_and_bfloat16_rounds_that_of_float64) {
  const auto gradient = [](at::ScalarType type) {
    const at::Tensor gate = gates(at::kBFloat16).to(type).set_requires_grad(true);
    torch::autograd::backward({testing::mixed_sum(swiglu(gate, ups(at::kBFloat16).to(type)))}, {});
    return gate.grad().to(at::kDouble);
  };
  const at::Tensor exact = gradient(at::kDouble);
  const double largest = exact.abs().max().item<double>();
  EXPECT_LT((gradient(at::kFloat) - exact).abs().max().item<double>(), 1e-6 * largest);
  EXPECT_LT((gradient(at::kBFloat16) - exact).abs().max().item<double>(), 1e-2 * largest);
}

}  // namespace
}  // namespace routedk::kernels
