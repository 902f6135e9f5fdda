/// Where tests of CUDA kernels run: in the emulator, on CPU tensors, or on a GPU.
#pragma once

#include <ATen/ATen.h>

#include "kernels/cuda/device.h"
#ifndef ROUTEDK_EMULATE_CUDA
#include <c10/cuda/CUDAStream.h>
#endif

namespace routedk::kernels::cuda {

#ifdef ROUTEDK_EMULATE_CUDA
inline at::Device test_device() {
  return at::kCPU;
}
inline Stream test_stream() {
  return nullptr;
}
inline void synchronize() {}
#else
inline at::Device test_device() {
  return at::kCUDA;
}
inline Stream test_stream() {
  return c10::cuda::getCurrentCUDAStream().stream();
}
inline void synchronize() {
  c10::cuda::getCurrentCUDAStream().synchronize();
}
#endif

}  // namespace routedk::kernels::cuda
