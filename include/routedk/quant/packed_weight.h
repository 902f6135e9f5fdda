/// A frozen matrix in NF4.
#pragma once

#include "routedk/quant/cpu/matmul.h"

#include <cstdint>

#include <ATen/ATen.h>

namespace routedk::quant {

/// An [out,in] matrix in 4 bits: codes of the flattened matrix and one absmax per 64 elements, the absmax
/// themselves in 8 bits under double quantisation (4.127 bits a weight instead of 4.5).
class PackedWeight {
 public:
  /// From a dense [out,in] matrix of any floating type.
  static PackedWeight quantize(const at::Tensor& dense, bool double_quant);

  /// The dense [out,in] matrix: codebook value times absmax in fp32, then rounded to `dtype` (fp32 or bf16).
  at::Tensor dequantize(at::ScalarType dtype) const;

  std::int64_t out_features() const noexcept { return out_; }
  std::int64_t in_features() const noexcept { return in_; }
  bool double_quantized() const noexcept { return nested_codes_.defined(); }
  /// fp32 absmax of every block, decoded where double-quantised. [blocks]
  at::Tensor absmax() const;
  const at::Tensor& codes() const noexcept { return codes_; }                  // [ceil(out*in/2)] U8
  const at::Tensor& nested_codes() const noexcept { return nested_codes_; }    // [blocks] U8
  const at::Tensor& nested_absmax() const noexcept { return nested_absmax_; }  // [ceil(blocks/256)] F32
  float nested_offset() const noexcept { return nested_offset_; }
  /// What the kernels read; valid as long as this weight.
  cpu::Nf4Matrix matrix() const;
  /// Bytes held.
  std::int64_t bytes() const noexcept;

 private:
  std::int64_t out_ = 0;
  std::int64_t in_ = 0;
  at::Tensor codes_;
  at::Tensor absmax_;  // [blocks] F32, undefined under double quantisation
  at::Tensor nested_codes_;
  at::Tensor nested_absmax_;
  float nested_offset_ = 0.0F;
};

}  // namespace routedk::quant
