/// Rotary position embedding in Hugging Face's half-split layout.
#pragma once

#include <cstdint>

#include <ATen/ATen.h>

namespace routedk::model {

/// Angles of the tokens of one forward pass.
struct RotaryTables {
  at::Tensor cos;  // [T,1,C/2]
  at::Tensor sin;  // [T,1,C/2]
};

/// Inverse frequencies theta^(-2i/C), i < C/2 (RoFormer, arXiv 2104.09864).
class Rotary {
 public:
  Rotary() = default;
  Rotary(std::int64_t head_dim, double theta);
  /// positions [T] -> tables in `dtype`; the angles themselves are fp32.
  RotaryTables tables(const at::Tensor& positions, at::ScalarType dtype) const;

 private:
  at::Tensor inverse_frequencies_;  // [C/2] F32
};

/// x [T,heads,C] with the pair (i, i + C/2) turned by its token's angle i.
at::Tensor rotate(const at::Tensor& x, const RotaryTables& tables);

}  // namespace routedk::model
