#include "routedk/quant/packed_weight.h"

#include "routedk/core/error.h"
#include "routedk/quant/nf4.h"

#include <cmath>

namespace routedk::quant {
namespace {

template <typename T>
std::span<T> view(const at::Tensor& tensor) {
  return {static_cast<T*>(tensor.data_ptr()), static_cast<std::size_t>(tensor.numel())};
}

/// NaN does not show in a block's absmax, but does in the sum of its elements.
void require_finite(const at::Tensor& values, const at::Tensor& absmax) {
  if (!std::isfinite(absmax.max().item<float>()) || std::isnan(values.sum(at::kDouble).item<double>())) {
    throw_<NumericError>("a matrix to quantise must be finite, but holds infinite or undefined values");
  }
}

}  // namespace

PackedWeight PackedWeight::quantize(const at::Tensor& dense, bool double_quant) {
  if (dense.dim() != 2) {
    throw_<ConfigError>("a matrix to quantise must have 2 dimensions, but has {} instead", dense.dim());
  }
  const at::Tensor values = dense.to(at::kFloat).contiguous();
  const std::int64_t blocks = nf4_blocks(values.numel());
  PackedWeight packed;
  packed.out_ = dense.size(0);
  packed.in_ = dense.size(1);
  packed.codes_ = at::empty({nf4_bytes(values.numel())}, at::kByte);
  at::Tensor absmax = at::empty({blocks}, at::kFloat);
  nf4_quantize(view<const float>(values), view<std::uint8_t>(packed.codes_), view<float>(absmax));
  require_finite(values, absmax);
  if (!double_quant) {
    packed.absmax_ = absmax;
    return packed;
  }
  const at::Tensor offset = absmax.mean();  // the reference subtracts this very reduction
  packed.nested_offset_ = offset.item<float>();
  packed.nested_codes_ = at::empty({blocks}, at::kByte);
  packed.nested_absmax_ = at::empty({(blocks + kNestedBlock - 1) / kNestedBlock}, at::kFloat);
  const at::Tensor centred = absmax - offset;
  dynamic8_quantize(view<const float>(centred), view<std::uint8_t>(packed.nested_codes_),
                    view<float>(packed.nested_absmax_));
  return packed;
}

at::Tensor PackedWeight::absmax() const {
  if (!double_quantized()) {
    return absmax_;
  }
  const at::Tensor map = at::tensor(at::ArrayRef<float>(dynamic_map().data(), 256));
  const at::Tensor scale = nested_absmax_.repeat_interleave(kNestedBlock).narrow(0, 0, nested_codes_.size(0));
  return map.index_select(0, nested_codes_.to(at::kInt)) * scale + nested_offset_;
}

cpu::Nf4Matrix PackedWeight::matrix() const {
  cpu::Nf4Matrix matrix{codes_.const_data_ptr<std::uint8_t>(), {}, out_, in_};
  if (double_quantized()) {
    matrix.absmax = {nullptr, nested_codes_.const_data_ptr<std::uint8_t>(),
                     nested_absmax_.const_data_ptr<float>(), nested_offset_};
  } else {
    matrix.absmax.plain = absmax_.const_data_ptr<float>();
  }
  return matrix;
}

at::Tensor PackedWeight::dequantize(at::ScalarType dtype) const {
  at::Tensor dense = at::empty({out_, in_}, at::TensorOptions().dtype(dtype));
  const cpu::Nf4Matrix from = matrix();
  if (dtype == at::kFloat) {
    cpu::nf4_to_float(from.codes, from.absmax, view<float>(dense));
  } else if (dtype == at::kBFloat16) {
    cpu::nf4_to_bfloat16(from.codes, from.absmax, view<c10::BFloat16>(dense));
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
  return held(codes_) + held(absmax_) + held(nested_codes_) + held(nested_absmax_);
}

}  // namespace routedk::quant
