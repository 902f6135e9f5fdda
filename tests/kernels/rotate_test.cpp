#include "routedk/kernels/rotary.h"

#include "support/device_dtype.h"
#include "support/expect_close.h"
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

using testing::expect_close;
using testing::share_of_largest;

constexpr std::int64_t kRotatedTokens = 3;
constexpr std::int64_t kHeads = 2;

at::Tensor head_vectors(std::int64_t size) {
  return at::sin(at::arange(kRotatedTokens * kHeads * size, at::kDouble))
      .view({kRotatedTokens, kHeads, size});
}

/// [T,1,C/2] angles of all sizes and signs.
at::Tensor angles(std::int64_t size) {
  return (at::arange(kRotatedTokens * size / 2, at::kDouble) * 7.3 - 20.0)
      .view({kRotatedTokens, 1, size / 2});
}

/// Each pair as a complex number, times e^(i angle).
at::Tensor naive_rotation(const at::Tensor& x, const RotaryTables& tables) {
  const std::vector<at::Tensor> halves = x.to(at::kDouble).chunk(2, -1);
  const at::Tensor turned =
      at::complex(halves[0], halves[1]) * at::complex(tables.cos.to(at::kDouble), tables.sin.to(at::kDouble));
  return at::cat({at::real(turned), at::imag(turned)}, -1);
}

class Rotate : public testing::DeviceDtype {
 protected:
  static RotaryTables tables(std::int64_t size) {
    return {put(at::cos(angles(size))), put(at::sin(angles(size)))};
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, Rotate, testing::kDevicesAndDtypes, testing::device_and_dtype);

TEST_P(Rotate, multiplies_each_pair_by_its_token_s_unit_complex_number) {
  for (const std::int64_t size : {2, 10, 64}) {
    SCOPED_TRACE(size);
    const at::Tensor x = put(head_vectors(size));
    const at::Tensor found = rotate(x, tables(size));
    EXPECT_EQ(found.scalar_type(), dtype());
    const at::Tensor wanted = naive_rotation(x, tables(size));
    expect_close(found.to(at::kDouble), wanted, share_of_largest(wanted, of_dtype({1e-14, 2e-7, 4e-3})));
  }
}

TEST_P(Rotate, its_gradient_is_that_of_its_definition) {
  for (const std::int64_t size : {2, 10, 64}) {
    SCOPED_TRACE(size);
    const at::Tensor x = put(head_vectors(size));
    const auto found = testing::gradient_of([&](const at::Tensor& v) { return rotate(v, tables(size)); }, x);
    const auto wanted = testing::gradient_of(
        [&](const at::Tensor& v) { return naive_rotation(v, tables(size)); }, x.to(at::kDouble));
    expect_close(found, wanted, share_of_largest(wanted, of_dtype({1e-14, 2e-7, 1e-2})));
  }
}

TEST(RotateGradient, agrees_with_finite_differences) {
  const RotaryTables tables{at::cos(angles(10)), at::sin(angles(10))};
  testing::expect_gradient([&](const at::Tensor& x) { return rotate(x, tables); }, head_vectors(10),
                           {1e-4, 1e-8, 60});
}

}  // namespace
}  // namespace routedk::kernels
