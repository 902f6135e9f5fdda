/// Rotary position embedding in Hugging Face's half-split layout.
#pragma once

#include "routedk/model/config.h"

#include <ATen/ATen.h>

namespace routedk::model {

/// Angles of the tokens of one forward pass.
struct RotaryTables {
  at::Tensor cos;  // [T,1,C/2]
  at::Tensor sin;  // [T,1,C/2]
};

/// theta^(-2i/C), i < C/2 (RoFormer, arXiv 2104.09864), scaled as the configuration says (Llama 3.1; in fp32,
/// in transformers' order of operations). [C/2] F32
at::Tensor inverse_frequencies(const LlamaConfig& config);

class Rotary {
 public:
  Rotary() = default;
  explicit Rotary(const LlamaConfig& config) : inverse_frequencies_(inverse_frequencies(config)) {}
  /// positions [T] -> tables in `dtype`; the angles themselves are fp32.
  RotaryTables tables(const at::Tensor& positions, at::ScalarType dtype) const;

 private:
  at::Tensor inverse_frequencies_;  // [C/2] F32
};

/// x [T,heads,C] with the pair (i, i + C/2) turned by its token's angle i.
at::Tensor rotate(const at::Tensor& x, const RotaryTables& tables);

/// The same for one token, x [heads,C] in place, by the calling thread; cosines and sines [C/2].
void rotate_row(float* x, const float* cosines, const float* sines, std::int64_t heads, std::int64_t half);

}  // namespace routedk::model
