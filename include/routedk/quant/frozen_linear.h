/// y = x W^T + b with a frozen weight, dense or NF4.
#pragma once

#include "routedk/quant/packed_weight.h"

#include <cstdint>
#include <memory>

#include <ATen/ATen.h>

namespace routedk::quant {

/// A product of low rank R that is added to one with a frozen weight on the way; undefined tensors for none.
struct LowRank {
  at::Tensor left;   // [T,R]
  at::Tensor right;  // [R,n], n columns of the result
};

/// A frozen linear, most often without bias. Gradients flow to the input only; no dense copy of a packed
/// weight is ever kept: forward and backward decode it anew, in fp32 panel by panel within the product
/// (cpu/matmul.h) where the matrix was fp32 before it was quantised.
class FrozenLinear {
 public:
  FrozenLinear() = default;
  /// weight [out,in]
  explicit FrozenLinear(at::Tensor dense) : dense_(std::move(dense)) {}
  explicit FrozenLinear(PackedWeight packed)
      : packed_(std::make_shared<const PackedWeight>(std::move(packed))) {}

  /// The same linear with a bias [out] in the compute type; an undefined one is none.
  FrozenLinear with_bias(at::Tensor bias) && {
    bias_ = std::move(bias);
    return std::move(*this);
  }

  /// x [T,in] -> [T,out], in x's dtype.
  at::Tensor forward(const at::Tensor& x) const;

  /// x [T,in] -> x W^T + b + left right [T,out] in x's dtype, as the factors are. Not recorded by autograd.
  at::Tensor multiply(const at::Tensor& x, const LowRank& more = {}) const;
  /// dy [T,out] -> dy W + left right [T,in], likewise.
  at::Tensor multiply_backward(const at::Tensor& dy, const LowRank& more = {}) const;

  bool packed() const noexcept { return packed_ != nullptr; }
  /// The 4-bit weight; null where the linear is dense.
  const PackedWeight* packed_weight() const noexcept { return packed_.get(); }
  std::int64_t out_features() const { return packed_ ? packed_->out_features() : dense_.size(0); }
  std::int64_t in_features() const { return packed_ ? packed_->in_features() : dense_.size(1); }
  /// The [out,in] matrix in `dtype`.
  at::Tensor dense(at::ScalarType dtype) const {
    return packed_ ? packed_->dequantize(dtype) : dense_.to(dtype);
  }
  const at::Tensor& bias() const noexcept { return bias_; }  // [out] or undefined
  std::int64_t bytes() const noexcept;

 private:
  at::Tensor dense_;  // [out,in], undefined where packed
  at::Tensor bias_;   // [out] or undefined
  std::shared_ptr<const PackedWeight> packed_;
};

}  // namespace routedk::quant
