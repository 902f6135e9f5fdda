/// A frozen matrix in NF4.
#pragma once

#include "routedk/quant/cpu/matmul.h"

#include <cstdint>

#include <ATen/ATen.h>

namespace routedk::quant {

/// What a checkpoint holds of one NF4 matrix.
struct Nf4Parts {
  std::int64_t out = 0;
  std::int64_t in = 0;
  at::Tensor codes;            // [ceil(out*in/2)] U8
  at::Tensor codebook;         // [16] F32
  at::Tensor absmax;           // [blocks] F32, undefined under double quantisation
  at::Tensor nested_codes;     // [blocks] U8, undefined without double quantisation, as the next two
  at::Tensor nested_absmax;    // [ceil(blocks/256)] F32
  at::Tensor nested_codebook;  // [256] F32
  float nested_offset = 0.0F;
  at::ScalarType dtype = at::kFloat;  ///< of the matrix before it was quantised: fp32, fp16 or bf16
};

/// An [out,in] matrix in 4 bits: codes of the flattened matrix and one absmax per 64 elements, the absmax
/// themselves in 8 bits under double quantisation (4.127 bits a weight instead of 4.5).
class PackedWeight {
 public:
  /// From a dense [out,in] matrix of any floating type.
  static PackedWeight quantize(const at::Tensor& dense, bool double_quant);
  /// From parts that are already quantised, kept as they are. Error when a part's size, type or layout is not
  /// the one above.
  explicit PackedWeight(Nf4Parts parts);

  /// The dense [out,in] matrix: codebook value times absmax in fp32, rounded to the type the matrix was
  /// quantised from, as bitsandbytes does, then to `dtype` (fp32 or bf16).
  at::Tensor dequantize(at::ScalarType dtype) const;

  std::int64_t out_features() const noexcept { return parts_.out; }
  std::int64_t in_features() const noexcept { return parts_.in; }
  bool double_quantized() const noexcept { return parts_.nested_codes.defined(); }
  /// fp32 absmax of every block, decoded where double-quantised. [blocks]
  at::Tensor absmax() const;
  const at::Tensor& codes() const noexcept { return parts_.codes; }                  // [ceil(out*in/2)] U8
  const at::Tensor& nested_codes() const noexcept { return parts_.nested_codes; }    // [blocks] U8
  const at::Tensor& nested_absmax() const noexcept { return parts_.nested_absmax; }  // [ceil(blocks/256)] F32
  float nested_offset() const noexcept { return parts_.nested_offset; }
  /// Everything held; the codebooks are shared by all matrices quantised here.
  const Nf4Parts& parts() const noexcept { return parts_; }
  /// What the kernels read; valid as long as this weight.
  cpu::Nf4Matrix matrix() const;
  /// Bytes held but for the codebooks.
  std::int64_t bytes() const noexcept;

 private:
  at::Tensor decode(at::ScalarType dtype) const;

  Nf4Parts parts_;
};

}  // namespace routedk::quant
