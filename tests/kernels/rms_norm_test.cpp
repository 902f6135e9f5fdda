#include "routedk/kernels/rms_norm.h"

#include "support/device_dtype.h"
#include "support/expect_close.h"
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

using testing::expect_close;
using testing::share_of_largest;

constexpr double kEps = 1e-5;

at::Tensor some_rows(std::int64_t rows, std::int64_t width) {
  return (at::sin(at::arange(rows * width, at::kDouble) * 0.9) * 3.0).view({rows, width});
}

at::Tensor weight_of(std::int64_t width) {
  return at::cos(at::arange(width, at::kDouble)) + 1.2;
}

/// The definition in doubles.
at::Tensor naive_rms_norm(const at::Tensor& x, const at::Tensor& weight) {
  const at::Tensor wide = x.to(at::kDouble);
  return wide / at::sqrt((wide * wide).mean(1, true) + kEps) * weight.to(at::kDouble);
}

class RmsNorm : public testing::DeviceDtype {};
INSTANTIATE_TEST_SUITE_P(Devices, RmsNorm, testing::kDevicesAndDtypes, testing::device_and_dtype);

TEST_P(RmsNorm, equals_its_definition_in_odd_widths) {
  for (const std::int64_t width : {1, 15, 16, 37, 576}) {
    SCOPED_TRACE(width);
    const at::Tensor x = put(some_rows(5, width));
    const at::Tensor weight = put(weight_of(width));
    const at::Tensor found = rms_norm(x, weight, kEps);
    EXPECT_EQ(found.scalar_type(), dtype());
    const at::Tensor wanted = naive_rms_norm(x, weight);
    expect_close(found.to(at::kDouble), wanted, share_of_largest(wanted, of_dtype({1e-12, 2e-6, 1e-2})));
  }
}

TEST_P(RmsNorm, its_gradient_is_that_of_its_definition) {
  for (const std::int64_t width : {15, 37, 48}) {
    SCOPED_TRACE(width);
    const at::Tensor x = put(some_rows(4, width));
    const at::Tensor weight = put(weight_of(width));
    const at::Tensor found =
        testing::gradient_of([&](const at::Tensor& v) { return rms_norm(v, weight, kEps); }, x);
    const at::Tensor wanted = testing::gradient_of(
        [&](const at::Tensor& v) { return naive_rms_norm(v, weight); }, x.to(at::kDouble));
    expect_close(found, wanted, share_of_largest(wanted, of_dtype({1e-12, 2e-6, 2e-2})));
  }
}

TEST_P(RmsNorm, a_row_has_the_same_bits_alone_as_in_a_batch) {
  const at::Tensor x = put(some_rows(300, 576));
  const at::Tensor weight = put(weight_of(576));
  const at::Tensor all = rms_norm(x, weight, kEps);
  testing::expect_equal(all.narrow(0, 171, 1), rms_norm(x.narrow(0, 171, 1), weight, kEps));
}

TEST(RmsNormGradient, agrees_with_finite_differences) {
  const at::Tensor weight = weight_of(37);
  testing::expect_gradient([&](const at::Tensor& x) { return rms_norm(x, weight, kEps); }, some_rows(3, 37),
                           {1e-4, 1e-7, 111});
}

}  // namespace
}  // namespace routedk::kernels
