/// What tests of CUDA kernels share: where their tensors lie, and outputs that are NaN until they are
/// written.
#pragma once

#include "kernels/devices.h"
#include "support/expect_close.h"
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <gtest/gtest.h>

namespace routedk::testing {

/// The GPU, or with the emulator the CPU.
inline at::Device cuda_device() {
#ifdef ROUTEDK_EMULATE_CUDA
  return at::kCPU;
#else
  return at::kCUDA;
#endif
}

class CudaKernels : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda_device().is_cuda() && !at::hasCUDA()) {
      GTEST_SKIP() << "no GPU that this LibTorch can use";
    }
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
    at::globalContext().setDeterministicFillUninitializedMemory(true);
  }
  void TearDown() override { at::globalContext().setDeterministicAlgorithms(false, false); }

  static at::Tensor there(const at::Tensor& tensor) { return tensor.to(cuda_device()); }
  static at::Tensor here(const at::Tensor& tensor) { return tensor.to(at::kCPU); }
};

/// The same in float and bfloat16.
class CudaKernelsByType : public CudaKernels, public ::testing::WithParamInterface<at::ScalarType> {
 protected:
  static at::ScalarType dtype() { return GetParam(); }
  /// On the device, in the type.
  static at::Tensor put(const at::Tensor& tensor) { return tensor.to(cuda_device(), dtype()); }
  /// As the kernel sees it, for the reference in float.
  static at::Tensor seen(const at::Tensor& tensor) { return tensor.to(dtype()).to(at::kFloat); }
  static Tolerance tolerance() {
    return dtype() == at::kFloat ? Tolerance{2e-5, 2e-6} : Tolerance{8e-3, 1e-5};
  }
};

#define ROUTEDK_CUDA_TYPES(suite)                                                      \
  INSTANTIATE_TEST_SUITE_P(Types, suite, ::testing::Values(at::kFloat, at::kBFloat16), \
                           [](const auto& test) { return std::string(at::toString(test.param)); })

/// Normal numbers, the same for the same seed.
inline at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  return at::normal(0.0, 1.0, shape, generator, at::kFloat);
}

}  // namespace routedk::testing
