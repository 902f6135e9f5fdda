#include "routedk/kernels/nf4.h"

#include "routedk/core/error.h"
#include "routedk/kernels/finite.h"

#include <utility>

#include "devices.h"

namespace routedk::kernels {
namespace {

void require_finite(const at::Tensor& values) {
  if (!all_finite(values)) {
    throw_<NumericError>("a matrix to quantise must be finite, but holds infinite or undefined values");
  }
}

void require(const at::Tensor& part, const char* name, at::ScalarType dtype, std::int64_t size) {
  if (!part.defined() || part.scalar_type() != dtype || part.numel() != size || !part.is_contiguous()) {
    throw_<Error>("the {} of an NF4 matrix must be {} contiguous elements of {}, but are {} of {}", name,
                  size, at::toString(dtype), part.defined() ? part.numel() : 0,
                  part.defined() ? at::toString(part.scalar_type()) : "nothing");
  }
}

}  // namespace

Nf4::Nf4(Nf4Parts parts) : parts_(std::move(parts)) {
  const std::int64_t blocks = nf4_blocks(parts_.out * parts_.in);
  require(parts_.codes, "codes", at::kByte, nf4_bytes(parts_.out * parts_.in));
  require(parts_.codebook, "codebook", at::kFloat, 16);
  if (!double_quantized()) {
    require(parts_.absmax, "absmax", at::kFloat, blocks);
    return;
  }
  require(parts_.nested_codes, "nested absmax codes", at::kByte, blocks);
  require(parts_.nested_absmax, "nested absmax", at::kFloat, nested_blocks(blocks));
  require(parts_.nested_codebook, "nested codebook", at::kFloat, 256);
}

Nf4 Nf4::quantize(const at::Tensor& dense, bool double_quant) {
  if (dense.dim() != 2) {
    throw_<ConfigError>("a matrix to quantise must have 2 dimensions, but has {} instead", dense.dim());
  }
  const at::Tensor values = dense.to(at::kFloat).contiguous();
  require_finite(values);
  Nf4Parts parts = values.is_cuda() ? cuda::nf4_quantize(values) : cpu::nf4_quantize(values);
  parts.dtype = dense.scalar_type();
  if (double_quant) {
    const at::Tensor offset = parts.absmax.mean();  // the reference subtracts exactly this reduction
    const at::Tensor centred = parts.absmax - offset;
    parts.nested_offset = offset.item<float>();
    values.is_cuda() ? cuda::nf4_nest(centred, parts) : cpu::nf4_nest(centred, parts);
    parts.absmax = at::Tensor();
  }
  return Nf4(std::move(parts));
}

at::Tensor Nf4::absmax() const {
  if (!double_quantized()) {
    return parts_.absmax;
  }
  const at::Tensor& codes = parts_.nested_codes;
  const at::Tensor scale =
      parts_.nested_absmax.repeat_interleave(kNestedBlock).narrow(0, 0, codes.size(0));  // [blocks]
  return parts_.nested_codebook.index_select(0, codes.to(at::kInt)) * scale + parts_.nested_offset;
}

std::int64_t Nf4::bytes() const noexcept {
  const auto held = [](const at::Tensor& t) {
    return t.defined() ? static_cast<std::int64_t>(t.nbytes()) : 0;
  };
  return held(parts_.codes) + held(parts_.absmax) + held(parts_.nested_codes) + held(parts_.nested_absmax);
}

}  // namespace routedk::kernels
