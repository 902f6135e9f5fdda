/// The angles of the rotary position embedding.
#pragma once

#include "routedk/kernels/rotary.h"
#include "routedk/model/config.h"

#include <ATen/ATen.h>

namespace routedk::model {

/// theta^(-2i/C), i < C/2 (RoFormer, arXiv 2104.09864), scaled as configured (Llama 3.1; in fp32, in
/// transformers' order of operations). [C/2] F32
at::Tensor inverse_frequencies(const LlamaConfig& config);

class Rotary {
 public:
  Rotary() = default;
  explicit Rotary(const LlamaConfig& config, at::Device device = at::kCPU)
      : inverse_frequencies_(inverse_frequencies(config).to(device)) {}
  /// positions [T] -> tables in `dtype`; the angles themselves are fp32.
  kernels::RotaryTables tables(const at::Tensor& positions, at::ScalarType dtype) const;

 private:
  at::Tensor inverse_frequencies_;  // [C/2] F32
};

}  // namespace routedk::model
