#include "routedk/quant/tensor_view.h"

#include "routedk/core/error.h"

#include "support/expect_close.h"
#include <gtest/gtest.h>

namespace routedk::quant {
namespace {

TEST(TensorView, every_type_of_safetensors_comes_back_with_its_shape_and_values) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt,
                                    at::kShort, at::kChar, at::kByte, at::kBool}) {
    const at::Tensor tensor = (at::arange(6, at::kFloat) - (type == at::kByte ? 0 : 2)).to(type).view({2, 3});
    const at::Tensor copy = to_tensor(to_view("x", tensor));
    EXPECT_EQ(copy.scalar_type(), type);
    SCOPED_TRACE(at::toString(type));
    testing::expect_equal(copy, tensor);
    EXPECT_NE(copy.data_ptr(), tensor.data_ptr());
  }
}

TEST(TensorView, a_tensor_without_its_own_contiguous_bytes_is_refused) {
  EXPECT_THROW(to_view("x", at::zeros({2, 3}).t()), Error);
  EXPECT_THROW(to_view("x", at::zeros({2}, at::kComplexFloat)), Error);
}

}  // namespace
}  // namespace routedk::quant
