/// Dropout whose mask is a function of its key: recomputation, packing and resuming save no state.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// Rows begin..end of a batch under one key; they are rows `first` and so on of a sequence. Each element
/// draws 16 bits from its row in the sequence and its column.
struct DropoutSegment {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::uint64_t key = 0;
  std::int64_t first = 0;
};

/// Which elements are dropped.
struct DropoutMask {
  std::uint32_t threshold = 0;  ///< a 16-bit draw below it drops the element
  std::vector<DropoutSegment> segments;
};

/// Zeroes each element with probability `rate` and divides the others by (1 - rate); the rate is rounded to
/// 1/65536. Default-constructed, it keeps everything.
class KeyedDropout {
 public:
  KeyedDropout() = default;
  /// The segments must cover the rows of the tensor that it is applied to.
  KeyedDropout(double rate, std::vector<DropoutSegment> segments);

  bool keeps_all() const noexcept { return mask_.threshold == 0; }
  /// x [T,in] of fp32, fp64 or bf16 under the mask; x itself where nothing is dropped. A self-adjoint linear
  /// map: the same call is its backward. Not recorded by autograd.
  at::Tensor operator()(const at::Tensor& x) const;
  /// sum [T,n] += left [T,r] right [r,n] under the mask, all of x's types. Not recorded by autograd.
  void add_product(const at::Tensor& sum, const at::Tensor& left, const at::Tensor& right) const;

 private:
  DropoutMask mask_;
};

}  // namespace routedk::kernels
