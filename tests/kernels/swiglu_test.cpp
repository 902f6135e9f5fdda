#include "routedk/kernels/swiglu.h"

#include "support/device_dtype.h"
#include "support/expect_close.h"
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

using testing::expect_close;
using testing::gradient_of;
using testing::share_of_largest;

/// From -120 to 120, beyond where e^x leaves fp32's range.
at::Tensor gates() {
  return at::linspace(-120.0, 120.0, 4801, at::kDouble).view({1, -1});
}

at::Tensor ups() {
  return (at::sin(at::arange(4801, at::kDouble)) * 2.0).view({1, -1});
}

at::Tensor naive_swiglu(const at::Tensor& gate, const at::Tensor& up) {
  const at::Tensor g = gate.to(at::kDouble);
  return g / (1.0 + at::exp(-g)) * up.to(at::kDouble);
}

class SwiGlu : public testing::DeviceDtype {};
INSTANTIATE_TEST_SUITE_P(Devices, SwiGlu, testing::kDevicesAndDtypes, testing::device_and_dtype);

TEST_P(SwiGlu, equals_its_definition_over_the_whole_range) {
  const at::Tensor gate = put(gates());
  const at::Tensor up = put(ups());
  const at::Tensor found = swiglu(gate, up);
  EXPECT_EQ(found.scalar_type(), dtype());
  expect_close(found.to(at::kDouble), naive_swiglu(gate, up), {of_dtype({1e-14, 1e-6, 4e-3}), 1e-30});
}

TEST_P(SwiGlu, its_gradients_are_those_of_its_definition) {
  const at::Tensor gate = put(gates());
  const at::Tensor up = put(ups());
  const auto expect_gradient = [&](const testing::TensorFn& found_of, const testing::TensorFn& wanted_of,
                                   const at::Tensor& x) {
    const at::Tensor wanted = gradient_of(wanted_of, x.to(at::kDouble));
    expect_close(gradient_of(found_of, x), wanted, share_of_largest(wanted, of_dtype({1e-12, 1e-6, 1e-2})));
  };
  expect_gradient([&](const at::Tensor& x) { return swiglu(x, up); },
                  [&](const at::Tensor& x) { return naive_swiglu(x, up); }, gate);
  expect_gradient([&](const at::Tensor& x) { return swiglu(gate, x); },
                  [&](const at::Tensor& x) { return naive_swiglu(gate, x); }, up);
}

TEST_P(SwiGlu, an_element_has_the_same_bits_wherever_it_stands) {
  const at::Tensor gate = put(gates());
  const at::Tensor up = put(ups());
  testing::expect_equal(swiglu(gate, up).narrow(1, 2333, 3),
                        swiglu(gate.narrow(1, 2333, 3), up.narrow(1, 2333, 3)));
}

TEST(SwiGluGradient, agrees_with_finite_differences) {
  const at::Tensor gate = at::linspace(-6.0, 6.0, 60, at::kDouble).view({3, 20});
  const at::Tensor up = at::cos(at::arange(60, at::kDouble)).view({3, 20});
  testing::expect_gradient([&](const at::Tensor& x) { return swiglu(x, up); }, gate, {1e-4, 1e-7, 60});
  testing::expect_gradient([&](const at::Tensor& x) { return swiglu(gate, x); }, up, {1e-4, 1e-7, 60});
}

}  // namespace
}  // namespace routedk::kernels
