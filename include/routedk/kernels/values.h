/// Access to a tensor's elements for the loops of upper layers.
#pragma once

#include <cstddef>
#include <span>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// All elements in order. The tensor must be contiguous, on the CPU, of type T, and outlive the span.
template <typename T>
std::span<const T> values(const at::Tensor& tensor) {
  TORCH_INTERNAL_ASSERT(tensor.is_contiguous() && tensor.is_cpu());
  return {tensor.const_data_ptr<T>(), static_cast<std::size_t>(tensor.numel())};
}

/// The same, writable.
template <typename T>
std::span<T> mutable_values(const at::Tensor& tensor) {
  TORCH_INTERNAL_ASSERT(tensor.is_contiguous() && tensor.is_cpu());
  return {tensor.mutable_data_ptr<T>(), static_cast<std::size_t>(tensor.numel())};
}

}  // namespace routedk::kernels
