/// Tensors in the form that the launchers take.
#pragma once

#include <ATen/ATen.h>
#ifndef ROUTEDK_EMULATE_CUDA
#include <c10/cuda/CUDAStream.h>
#endif

#include "launchers.h"

namespace routedk::kernels::cuda {

/// The stream that LibTorch's own operations use.
inline Stream current_stream() {
#ifdef ROUTEDK_EMULATE_CUDA
  return nullptr;
#else
  return c10::cuda::getCurrentCUDAStream().stream();
#endif
}

template <typename T>
const T* data(const at::Tensor& tensor) {
  return static_cast<const T*>(tensor.const_data_ptr());
}
template <typename T>
T* mutable_data(const at::Tensor& tensor) {
  return static_cast<T*>(tensor.mutable_data_ptr());
}

/// Calls with<T>(), T being the kernels' type: float or BFloat16.
template <typename With>
auto with_type(at::ScalarType type, const With& with) {
  TORCH_CHECK(type == at::kFloat || type == at::kBFloat16, "a kernel takes float or bfloat16, not ", type);
  return type == at::kFloat ? with.template operator()<float>() : with.template operator()<BFloat16>();
}

/// a [m,k], b [k,n] of one type -> [m,n], accumulated in fp32 and rounded once.
inline at::Tensor product(const at::Tensor& a, const at::Tensor& b, at::ScalarType to) {
  if (a.scalar_type() == to) {
    return at::mm(a, b);
  }
#ifdef ROUTEDK_EMULATE_CUDA
  return at::mm(a.to(to), b.to(to));
#else
  return at::mm(a, b, to);
#endif
}

}  // namespace routedk::kernels::cuda
