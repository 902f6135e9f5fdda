#include "routedk/kernels/linear.h"

#include "routedk/core/error.h"

#include "support/expect_close.h"
#include "support/gradient_check.h"
#include "support/wave.h"
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

using testing::wave;

constexpr std::int64_t kIn = 96;
constexpr std::int64_t kOut = 40;

FrozenLinear packed_linear(bool double_quant = true) {
  return FrozenLinear(Nf4::quantize(wave({kOut, kIn}, 1.3) * 0.05, double_quant));
}

at::Tensor weighted_gradient(const at::Tensor& y, const at::Tensor& x) {
  torch::autograd::backward({(y * wave(y.sizes(), 0.7)).sum()}, {});
  return x.grad();
}

/// bfloat16 takes the same product on both sides, fp32 sums in another order.
testing::Tolerance tolerance_of(at::ScalarType dtype) {
  return dtype == at::kFloat ? testing::Tolerance{1e-5, 1e-6} : testing::Tolerance{};
}

class FrozenLinearTypes : public ::testing::TestWithParam<std::tuple<at::ScalarType, bool>> {};
INSTANTIATE_TEST_SUITE_P(Types, FrozenLinearTypes,
                         ::testing::Combine(::testing::Values(at::kFloat, at::kBFloat16), ::testing::Bool()));

TEST_P(FrozenLinearTypes, quantised_linear_equals_dense_of_dequantised) {
  const auto [dtype, double_quant] = GetParam();
  const FrozenLinear packed = packed_linear(double_quant);
  const FrozenLinear dense(Dense{dequantize(packed.weight(), dtype)});
  const at::Tensor x = wave({5, kIn}, 0.37).to(dtype);
  testing::expect_close(packed.forward(x), dense.forward(x), tolerance_of(dtype));
}

TEST_P(FrozenLinearTypes, its_input_gradient_is_that_of_the_dense_matmul) {
  const auto [dtype, double_quant] = GetParam();
  const FrozenLinear packed = packed_linear(double_quant);
  const at::Tensor x = wave({5, kIn}, 0.37).to(dtype).set_requires_grad(true);
  const at::Tensor copy = x.detach().clone().set_requires_grad(true);
  testing::expect_close(weighted_gradient(packed.forward(x), x),
                        weighted_gradient(at::mm(copy, dequantize(packed.weight(), dtype).t()), copy),
                        tolerance_of(dtype));
}

TEST(FrozenLinear, its_backward_agrees_with_finite_differences) {
  const FrozenLinear linear = packed_linear();
  testing::expect_gradient([&](const at::Tensor& x) { return linear.forward(x); }, wave({4, kIn}, 0.37));
}

/// Sums what this thread allocates and has not freed.
class LiveBytes : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, std::int64_t size, std::size_t, std::size_t, c10::Device) override {
    bytes += size;
  }
  bool memoryProfilingEnabled() const override { return true; }
  std::int64_t bytes = 0;
};

TEST(FrozenLinear, no_dense_copy_lives_between_forward_and_backward) {
  const std::int64_t side = 512;
  const FrozenLinear linear(Nf4::quantize(wave({side, side}, 1.3), /*double_quant=*/true));
  const at::Tensor x = wave({2, side}, 0.37).set_requires_grad(true);
  const auto live = std::make_shared<LiveBytes>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, live);
  const at::Tensor y = linear.forward(x);
  EXPECT_GE(live->bytes, static_cast<std::int64_t>(y.nbytes()));
  EXPECT_LT(live->bytes, side * side / 2);
}

TEST(FrozenLinear, double_quantised_weights_hold_4_127_bits_each_and_plain_ones_4_5) {
  const at::Tensor dense = wave({256, 1024}, 1.3);
  const auto bits = [&](bool double_quant) {
    return 8.0 * static_cast<double>(Nf4::quantize(dense, double_quant).bytes()) /
           static_cast<double>(dense.numel());
  };
  EXPECT_NEAR(bits(true), 4.127, 0.001);
  EXPECT_DOUBLE_EQ(bits(false), 4.5);
}

TEST(Nf4, what_is_not_a_finite_matrix_is_refused) {
  EXPECT_THROW(Nf4::quantize(at::zeros({4, 4, 4}), true), ConfigError);
  at::Tensor broken = at::zeros({4, 64});
  broken[2][5] = std::nan("");
  EXPECT_THROW(Nf4::quantize(broken, true), NumericError);
  EXPECT_THROW(dequantize(packed_linear().weight(), at::kHalf), ConfigError);
}

}  // namespace
}  // namespace routedk::kernels
