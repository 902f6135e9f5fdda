#include "routedk/kernels/rms_norm.h"

#include "support/expect_close.h"
#include "support/gradient_check.h"
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

constexpr double kEps = 1e-5;

at::Tensor some(std::int64_t rows, std::int64_t width, at::ScalarType type) {
  return (at::sin(at::arange(rows * width, at::kDouble) * 0.9) * 3.0).view({rows, width}).to(type);
}

at::Tensor weight_of(std::int64_t width, at::ScalarType type) {
  return (at::cos(at::arange(width, at::kDouble)) + 1.2).to(type);
}

/// The definition in doubles.
at::Tensor naive(const at::Tensor& x, const at::Tensor& weight) {
  const at::Tensor wide = x.to(at::kDouble);
  return wide / at::sqrt((wide * wide).mean(1, true) + kEps) * weight.to(at::kDouble);
}

TEST(RmsNorm, equals_its_definition_in_every_type_and_odd_widths) {
  for (const auto& [type, tolerance] :
       {std::pair{at::kDouble, 1e-12}, std::pair{at::kFloat, 2e-6}, std::pair{at::kBFloat16, 1e-2}}) {
    for (const std::int64_t width : {1, 15, 16, 37, 576}) {
      const at::Tensor x = some(5, width, type);
      const at::Tensor weight = weight_of(width, type);
      const at::Tensor found = rms_norm(x, weight, kEps);
      EXPECT_EQ(found.scalar_type(), type);
      const at::Tensor wanted = naive(x, weight);
      EXPECT_LT((found.to(at::kDouble) - wanted).abs().max().item<double>(),
                tolerance * wanted.abs().max().item<double>())
          << at::toString(type) << " " << width;
    }
  }
}

TEST(RmsNorm, a_row_has_the_same_bits_alone_as_in_a_batch) {
  const at::Tensor x = some(300, 576, at::kFloat);
  const at::Tensor weight = weight_of(576, at::kFloat);
  const at::Tensor all = rms_norm(x, weight, kEps);
  testing::expect_equal(all.narrow(0, 171, 1), rms_norm(x.narrow(0, 171, 1), weight, kEps));
}

TEST(RmsNorm, its_backward_agrees_with_finite_differences) {
  const at::Tensor weight = weight_of(37, at::kDouble);
  testing::expect_gradient([&](const at::Tensor& x) { return rms_norm(x, weight, kEps); },
                           some(3, 37, at::kDouble), {1e-4, 1e-7, 111});
}

TEST(RmsNorm, its_backward_in_bfloat16_rounds_that_of_float64) {
  const auto gradient = [](at::ScalarType type) {
    const at::Tensor x = some(4, 48, at::kBFloat16).to(type).set_requires_grad(true);
    torch::autograd::backward({testing::mixed_sum(rms_norm(x, weight_of(48, at::kBFloat16).to(type), kEps))},
                              {});
    return x.grad().to(at::kDouble);
  };
  const at::Tensor exact = gradient(at::kDouble);
  EXPECT_LT((gradient(at::kBFloat16) - exact).abs().max().item<double>(),
            2e-2 * exact.abs().max().item<double>());
}

}  // namespace
}  // namespace routedk::kernels
