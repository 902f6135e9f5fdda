#include "support/expect_close.h"

#include <cmath>
#include <limits>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

namespace routedk::testing {
namespace {

at::Tensor wanted() {
  return at::arange(6, at::kFloat).view({2, 3});
}

at::Tensor changed(double value) {
  const at::Tensor tensor = wanted();
  tensor[1][2] = value;
  return tensor;
}

TEST(ExpectClose, names_the_worst_element_both_values_the_shape_and_the_tolerance) {
  const at::Tensor found = changed(5.5);
  found[0][1] = 1.25;
  EXPECT_NONFATAL_FAILURE(expect_close(found, wanted(), {0.01, 0.001}),
                          "element [1,2] must be 5, but is 5.5 instead; 2 of 6 elements of Float [2, 3] "
                          "differ by more than 0.01 * |wanted| + 0.001");
}

TEST(ExpectClose, takes_what_is_within_the_tolerance_and_nothing_beyond) {
  expect_close(changed(5.5), wanted(), {0.1, 0.01});
  expect_close(changed(5.5), wanted(), {0.0, 0.5});
  EXPECT_NONFATAL_FAILURE(expect_close(changed(5.5), wanted(), {0.0, 0.49}), "element [1,2]");
  EXPECT_NONFATAL_FAILURE(expect_close(changed(5.5), wanted()), "1e-05 * |wanted| + 1e-08");
}

TEST(ExpectClose, nan_is_close_to_nothing_and_infinity_to_itself_alone) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  expect_close(changed(kInfinity), changed(kInfinity));
  EXPECT_NONFATAL_FAILURE(expect_close(changed(kInfinity), wanted(), {0.1, 1.0}), "but is inf instead");
  EXPECT_NONFATAL_FAILURE(expect_close(wanted(), changed(kInfinity), {0.1, 1.0}), "must be inf, but is 5");
  EXPECT_NONFATAL_FAILURE(expect_close(changed(kNan), changed(kNan), {0.1, 1.0}), "but is nan instead");
}

TEST(ExpectClose, another_shape_or_type_is_a_failure_of_its_own) {
  EXPECT_NONFATAL_FAILURE(expect_close(wanted().view({3, 2}), wanted()),
                          "the tensor must be Float [2, 3], but is Float [3, 2] instead");
  EXPECT_NONFATAL_FAILURE(expect_equal(wanted().to(at::kDouble), wanted()), "but is Double [2, 3] instead");
  EXPECT_NONFATAL_FAILURE(expect_equal({}, wanted()), "but is undefined instead");
}

TEST(ExpectEqual, names_the_first_element_that_differs_and_how_many_do) {
  const at::Tensor found = changed(std::nextafter(5.0F, 6.0F));
  found[1][0] = 7.0;
  EXPECT_NONFATAL_FAILURE(expect_equal(found, wanted()),
                          "element [1,0] must be 3, but is 7 instead, the first of 2 that differ among 6");
  expect_equal(wanted(), wanted());
}

TEST(ExpectEqual, fails_at_the_line_of_its_caller) {
  ::testing::TestPartResultArray failures;
  const int line = __LINE__ + 3;
  {
    const ::testing::ScopedFakeTestPartResultReporter reporter(&failures);
    expect_equal(changed(1.0), wanted());
  }
  EXPECT_EQ(failures.GetTestPartResult(0).line_number(), line);
}

}  // namespace
}  // namespace routedk::testing
