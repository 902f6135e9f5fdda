#include "routedk/quant/packed_weight.h"

#include "routedk/core/error.h"
#include "routedk/quant/nf4.h"
#include "routedk/quant/tensor_view.h"

#include <algorithm>

#include <ATen/Parallel.h>

namespace routedk::quant {
namespace {

/// Blocks that one thread quantises at least.
constexpr std::int64_t kGrain = 1024;

template <typename T>
std::span<T> view(const at::Tensor& tensor) {
  return {static_cast<T*>(tensor.data_ptr()), static_cast<std::size_t>(tensor.numel())};
}

/// Values of the flat tensor in whole blocks, each block by one thread: the same bytes for any thread count.
void quantize_blocks(std::span<const float> values, std::span<std::uint8_t> codes, std::span<float> absmax) {
  const auto size = static_cast<std::int64_t>(values.size());
  at::parallel_for(0, nf4_blocks(size), kGrain, [&](std::int64_t begin, std::int64_t end) {
    const auto first = static_cast<std::size_t>(begin * kNf4Block);
    const auto count = static_cast<std::size_t>(std::min(end * kNf4Block, size)) - first;
    nf4_quantize(values.subspan(first, count), codes.subspan(first / 2, (count + 1) / 2),
                 absmax.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
  });
}

void require_finite(const at::Tensor& values) {
  if (!all_finite(values)) {
    throw_<NumericError>("a matrix to quantise must be finite, but holds infinite or undefined values");
  }
}

const at::Tensor& standard_codebook() {
  static const at::Tensor codebook = at::tensor(at::ArrayRef<float>(kNf4Codebook));  // [16]
  return codebook;
}

const at::Tensor& standard_nested_codebook() {
  static const at::Tensor codebook = at::tensor(at::ArrayRef<float>(dynamic_map().data(), 256));  // [256]
  return codebook;
}

/// Replaces the absmax by 8-bit codes of their distance from the mean.
void quantize_absmax(Nf4Parts& parts) {
  const std::int64_t blocks = parts.absmax.numel();
  const at::Tensor offset = parts.absmax.mean();  // the reference subtracts this very reduction
  const at::Tensor centred = parts.absmax - offset;
  parts.nested_offset = offset.item<float>();
  parts.nested_codes = at::empty({blocks}, at::kByte);
  parts.nested_absmax = at::empty({(blocks + kNestedBlock - 1) / kNestedBlock}, at::kFloat);
  parts.nested_codebook = standard_nested_codebook();
  dynamic8_quantize(view<const float>(centred), view<std::uint8_t>(parts.nested_codes),
                    view<float>(parts.nested_absmax));
  parts.absmax = at::Tensor();
}

void require(const at::Tensor& part, const char* name, at::ScalarType dtype, std::int64_t size) {
  if (!part.defined() || part.scalar_type() != dtype || part.numel() != size || !part.is_contiguous()) {
    throw_<Error>("the {} of an NF4 matrix must be {} contiguous elements of {}, but are {} of {}", name,
                  size, at::toString(dtype), part.defined() ? part.numel() : 0,
                  part.defined() ? at::toString(part.scalar_type()) : "nothing");
  }
}

}  // namespace

PackedWeight::PackedWeight(Nf4Parts parts) : parts_(std::move(parts)) {
  const std::int64_t blocks = nf4_blocks(parts_.out * parts_.in);
  require(parts_.codes, "codes", at::kByte, nf4_bytes(parts_.out * parts_.in));
  require(parts_.codebook, "codebook", at::kFloat, 16);
  if (!double_quantized()) {
    require(parts_.absmax, "absmax", at::kFloat, blocks);
    return;
  }
  require(parts_.nested_codes, "nested absmax codes", at::kByte, blocks);
  require(parts_.nested_absmax, "nested absmax", at::kFloat, (blocks + kNestedBlock - 1) / kNestedBlock);
  require(parts_.nested_codebook, "nested codebook", at::kFloat, 256);
}

PackedWeight PackedWeight::quantize(const at::Tensor& dense, bool double_quant) {
  if (dense.dim() != 2) {
    throw_<ConfigError>("a matrix to quantise must have 2 dimensions, but has {} instead", dense.dim());
  }
  const at::Tensor values = dense.to(at::kFloat).contiguous();
  require_finite(values);
  Nf4Parts parts;
  parts.out = dense.size(0);
  parts.in = dense.size(1);
  parts.dtype = dense.scalar_type();
  parts.codes = at::empty({nf4_bytes(values.numel())}, at::kByte);
  parts.codebook = standard_codebook();
  parts.absmax = at::empty({nf4_blocks(values.numel())}, at::kFloat);
  quantize_blocks(view<const float>(values), view<std::uint8_t>(parts.codes), view<float>(parts.absmax));
  if (double_quant) {
    quantize_absmax(parts);
  }
  return PackedWeight(std::move(parts));
}

at::Tensor PackedWeight::absmax() const {
  if (!double_quantized()) {
    return parts_.absmax;
  }
  const at::Tensor& codes = parts_.nested_codes;
  const at::Tensor scale =
      parts_.nested_absmax.repeat_interleave(kNestedBlock).narrow(0, 0, codes.size(0));  // [blocks]
  return parts_.nested_codebook.index_select(0, codes.to(at::kInt)) * scale + parts_.nested_offset;
}

cpu::Nf4Matrix PackedWeight::matrix() const {
  cpu::Nf4Matrix matrix{parts_.codes.const_data_ptr<std::uint8_t>(),
                        {},
                        parts_.codebook.const_data_ptr<float>(),
                        parts_.out,
                        parts_.in};
  if (double_quantized()) {
    matrix.absmax = {nullptr, parts_.nested_codes.const_data_ptr<std::uint8_t>(),
                     parts_.nested_absmax.const_data_ptr<float>(), parts_.nested_offset,
                     parts_.nested_codebook.const_data_ptr<float>()};
  } else {
    matrix.absmax.plain = parts_.absmax.const_data_ptr<float>();
  }
  return matrix;
}

at::Tensor PackedWeight::dequantize(at::ScalarType dtype) const {
  if (parts_.dtype == at::kHalf) {
    return decode(at::kFloat).to(at::kHalf).to(dtype);
  }
  return decode(parts_.dtype == at::kBFloat16 ? at::kBFloat16 : dtype).to(dtype);
}

at::Tensor PackedWeight::decode(at::ScalarType dtype) const {
  at::Tensor dense = at::empty({parts_.out, parts_.in}, at::TensorOptions().dtype(dtype));
  const cpu::Nf4Matrix from = matrix();
  if (dtype == at::kFloat) {
    cpu::nf4_to_float(from.codes, from.absmax, view<float>(dense), from.codebook);
  } else if (dtype == at::kBFloat16) {
    cpu::nf4_to_bfloat16(from.codes, from.absmax, view<c10::BFloat16>(dense), from.codebook);
  } else {
    throw_<ConfigError>("the compute type of an NF4 weight must be float32 or bfloat16, but is {} instead",
                        at::toString(dtype));
  }
  return dense;
}

std::int64_t PackedWeight::bytes() const noexcept {
  const auto held = [](const at::Tensor& t) {
    return t.defined() ? t.numel() * static_cast<std::int64_t>(t.element_size()) : 0;
  };
  return held(parts_.codes) + held(parts_.absmax) + held(parts_.nested_codes) + held(parts_.nested_absmax);
}

}  // namespace routedk::quant
