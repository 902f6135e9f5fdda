/// Tests of operations on the CPU, each in every type. A GPU's kernels have their own (tests/kernels/cuda).
#pragma once

#include <string>
#include <tuple>

#include "support/gradient_check.h"
#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace routedk::testing {

/// An operation's tests under TEST_P.
class DeviceDtype : public ::testing::TestWithParam<std::tuple<at::DeviceType, at::ScalarType>> {
 protected:
  static at::DeviceType device() { return std::get<0>(GetParam()); }
  static at::ScalarType dtype() { return std::get<1>(GetParam()); }
  /// `tensor` on the device in the type.
  static at::Tensor put(const at::Tensor& tensor) { return tensor.to(device(), dtype()); }

  struct ByDtype {
    double fp64, fp32, bf16;
  };
  static double of_dtype(const ByDtype& value) {
    return dtype() == at::kDouble ? value.fp64 : dtype() == at::kFloat ? value.fp32 : value.bf16;
  }
};

inline const auto kDevicesAndDtypes = ::testing::Combine(
    ::testing::Values(at::kCPU), ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16));

/// "cpu_Float"
inline std::string device_and_dtype(const ::testing::TestParamInfo<DeviceDtype::ParamType>& test) {
  const auto [device, dtype] = test.param;
  return c10::DeviceTypeName(device, /*lower_case=*/true) + '_' + at::toString(dtype);
}

/// d mixed_sum(f(x)) / dx, in fp64.
inline at::Tensor gradient_of(const TensorFn& f, const at::Tensor& at_point) {
  const at::Tensor x = at_point.detach().clone().set_requires_grad(true);
  torch::autograd::backward({mixed_sum(f(x))}, {});
  return x.grad().to(at::kDouble);
}

}  // namespace routedk::testing
