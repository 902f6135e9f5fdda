/// A reusable buffer.
#pragma once

#include <cstdint>

#include <ATen/ATen.h>

namespace routedk::kernels::cpu {

/// [rows,width] of floats that grows; resizing discards the contents.
class FloatBuffer {
 public:
  float* resize(std::int64_t rows, std::int64_t width) {
    if (!memory_.defined() || memory_.numel() < rows * width) {
      memory_ = at::empty({rows * width}, at::kFloat);
    }
    return memory_.mutable_data_ptr<float>();
  }

 private:
  at::Tensor memory_;
};

}  // namespace routedk::kernels::cpu
