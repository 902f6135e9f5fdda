/// A frozen matrix in NF4 (QLoRA, arXiv 2305.14314), in bitsandbytes' layout.
#pragma once

#include <cstdint>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// Elements that share one absmax.
inline constexpr std::int64_t kNf4Block = 64;
/// Blocks whose absmax values share one second-level absmax under double quantisation.
inline constexpr std::int64_t kNestedBlock = 256;

constexpr std::int64_t nf4_blocks(std::int64_t elements) noexcept {
  return (elements + kNf4Block - 1) / kNf4Block;
}
constexpr std::int64_t nf4_bytes(std::int64_t elements) noexcept {
  return (elements + 1) / 2;
}
constexpr std::int64_t nested_blocks(std::int64_t blocks) noexcept {
  return (blocks + kNestedBlock - 1) / kNestedBlock;
}

/// The tensors of one NF4 matrix in a checkpoint.
struct Nf4Parts {
  std::int64_t out = 0;
  std::int64_t in = 0;
  at::Tensor codes;            // [ceil(out*in/2)] U8
  at::Tensor codebook;         // [16] F32
  at::Tensor absmax;           // [blocks] F32, undefined under double quantisation
  at::Tensor nested_codes;     // [blocks] U8; this and the next two: undefined without double quantisation
  at::Tensor nested_absmax;    // [ceil(blocks/256)] F32
  at::Tensor nested_codebook;  // [256] F32
  float nested_offset = 0.0F;
  at::ScalarType dtype = at::kFloat;  ///< type of the matrix before quantisation: fp32, fp16 or bf16
};

/// An [out,in] matrix in 4 bits: codes of the flattened matrix and one absmax per 64 elements. Under double
/// quantisation the absmax values are themselves 8-bit (4.127 bits per weight instead of 4.5).
class Nf4 {
 public:
  /// Quantises a dense [out,in] matrix of any floating type. ConfigError when it is not a matrix,
  /// NumericError when a value is not finite.
  static Nf4 quantize(const at::Tensor& dense, bool double_quant);
  /// Takes parts that are already quantised, unchanged. Error when a part's size, type or layout is not the
  /// one above.
  explicit Nf4(Nf4Parts parts);

  std::int64_t out_features() const noexcept { return parts_.out; }
  std::int64_t in_features() const noexcept { return parts_.in; }
  bool double_quantized() const noexcept { return parts_.nested_codes.defined(); }
  /// fp32 absmax of every block, dequantised under double quantisation. [blocks]
  at::Tensor absmax() const;
  const Nf4Parts& parts() const noexcept { return parts_; }
  /// Bytes held, without the codebooks, which all matrices quantised here share.
  std::int64_t bytes() const noexcept;

 private:
  Nf4Parts parts_;
};

}  // namespace routedk::kernels
