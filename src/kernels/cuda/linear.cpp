/// Products with frozen matrices, and conversions of their formats, on a GPU: the weight is decoded whole, in
/// the type that operands are rounded to, and cuBLAS multiplies.
#include "routedk/kernels/cpu/nf4_codec.h"

#include "../devices.h"
#include "tensors.h"

namespace routedk::kernels::cuda {
namespace {

Nf4View view_of(const Nf4& weight) {
  const Nf4Parts& parts = weight.parts();
  const bool nested = weight.double_quantized();
  return {data<std::uint8_t>(parts.codes),
          data<float>(parts.codebook),
          nested ? nullptr : data<float>(parts.absmax),
          nested ? data<std::uint8_t>(parts.nested_codes) : nullptr,
          nested ? data<float>(parts.nested_absmax) : nullptr,
          nested ? data<float>(parts.nested_codebook) : nullptr,
          parts.nested_offset};
}

/// Rows of the matrix by index [n], or all [n = out], into `to` [n,in].
void decode_rows(const Nf4& weight, const at::Tensor& rows, const at::Tensor& to) {
  with_type(to.scalar_type(), [&]<typename T>() {
    launch_nf4_rows(view_of(weight), rows.defined() ? data<std::int64_t>(rows) : nullptr, to.size(0),
                    to.size(1), mutable_data<T>(to), current_stream());
  });
}
void decode_rows(const GgmlBlocks& weight, const at::Tensor& rows, const at::Tensor& to) {
  with_type(to.scalar_type(), [&]<typename T>() {
    launch_ggml_rows(weight.type(), data<std::uint8_t>(weight.data()),
                     rows.defined() ? data<std::int64_t>(rows) : nullptr, to.size(0), to.size(1),
                     mutable_data<T>(to), current_stream());
  });
}
void decode_rows(const Dense& weight, const at::Tensor& rows, const at::Tensor& to) {
  to.copy_(rows.defined() ? weight.values.index_select(0, rows) : weight.values);
}

template <typename W>
at::Tensor decoded(const W& weight, at::ScalarType dtype, const at::TensorOptions& options) {
  at::Tensor dense = at::empty({weight.out_features(), weight.in_features()}, options.dtype(dtype));
  decode_rows(weight, {}, dense);
  return dense;
}

/// The type that operands are rounded to.
at::ScalarType operand_type(const at::Tensor& x, Precision precision) {
  return precision == Precision::kBFloat16 ? at::kBFloat16 : x.scalar_type();
}

/// sum [m,n] += a [m,k] b [k,n]; a and b have one type.
void add_product(at::Tensor sum, const at::Tensor& a, const at::Tensor& b) {
  if (a.scalar_type() == sum.scalar_type()) {
    sum.addmm_(a, b);
    return;
  }
#ifdef ROUTEDK_EMULATE_CUDA
  sum.addmm_(a.to(sum.scalar_type()), b.to(sum.scalar_type()));
#else
  at::addmm_out(sum, sum, a, b, sum.scalar_type());
#endif
}

at::Tensor plus(const at::Tensor& product, const LowRanks& terms, at::ScalarType operands) {
  for (const LowRank& term : terms) {
    add_product(product.narrow(0, term.begin, term.left.size(0)), term.left.to(operands),
                term.right.to(operands));
  }
  return product;
}

}  // namespace

at::Tensor multiply(const at::Tensor& x, const Weight& weight, const LowRanks& terms, Precision precision,
                    at::ScalarType to) {
  const at::ScalarType operands = operand_type(x, precision);
  return plus(product(x.to(operands), dequantize(weight, operands).t(), to), terms, operands);
}

at::Tensor multiply_backward(const at::Tensor& dy, const Weight& weight, const LowRanks& terms,
                             Precision precision, const at::Tensor& sum) {
  const at::ScalarType operands = operand_type(dy, precision);
  const at::Tensor dense = dequantize(weight, operands);
  if (!sum.defined()) {
    return plus(product(dy.to(operands), dense, dy.scalar_type()), terms, operands);
  }
  add_product(sum, dy.to(operands), dense);
  return plus(sum, terms, operands);
}

at::Tensor lora_down(const at::Tensor& x, const at::Tensor& factor, double scale, Precision precision) {
  const at::ScalarType operands = operand_type(x, precision);
  const at::Tensor from = factor.to(at::kFloat).contiguous();
  const at::Tensor scaled = at::empty(from.sizes(), from.options().dtype(operands));
  with_type(operands, [&]<typename T>() {
    launch_scaled(data<float>(from), static_cast<float>(scale), mutable_data<T>(scaled), from.numel(),
                  current_stream());
  });
  return product(x.to(operands), scaled.t(), x.scalar_type());
}

at::Tensor factor_gradient(const at::Tensor& narrow, const at::Tensor& x, Precision precision) {
  const at::ScalarType operands = operand_type(x, precision);
  return product(narrow.to(operands).t(), x.to(operands), at::kFloat);
}

at::Tensor embedding(const at::Tensor& ids, const Weight& weight) {
  const at::Tensor rows = ids.to(at::kLong).contiguous();
  at::Tensor out = at::empty({rows.numel(), in_features(weight)}, rows.options().dtype(at::kFloat));
  std::visit([&](const auto& w) { decode_rows(w, rows, out); }, weight);
  return out;
}

at::Tensor ggml_dequantize(const GgmlBlocks& weight, at::ScalarType dtype) {
  return decoded(weight, dtype, weight.data().options());
}

at::Tensor nf4_dequantize(const Nf4& weight, at::ScalarType dtype) {
  return decoded(weight, dtype, weight.parts().codes.options());
}

Nf4Parts nf4_quantize(const at::Tensor& values) {
  const std::int64_t count = values.numel();
  Nf4Parts parts;
  parts.out = values.size(0);
  parts.in = values.size(1);
  parts.codes = at::empty({nf4_bytes(count)}, values.options().dtype(at::kByte));
  parts.absmax = at::empty({nf4_blocks(count)}, values.options());
  static const at::Tensor codebook = at::tensor(at::ArrayRef<float>(cpu::kNf4Codebook));
  parts.codebook = codebook.to(values.device());
  launch_nf4_quantize(data<float>(values), count, mutable_data<std::uint8_t>(parts.codes),
                      mutable_data<float>(parts.absmax), data<float>(parts.codebook), current_stream());
  return parts;
}

void nf4_nest(const at::Tensor& centred_absmax, Nf4Parts& parts) {
  const at::Tensor values = centred_absmax.contiguous();
  const std::int64_t blocks = values.numel();
  parts.nested_codes = at::empty({blocks}, values.options().dtype(at::kByte));
  parts.nested_absmax = at::empty({nested_blocks(blocks)}, values.options());
  static const at::Tensor map = at::tensor(at::ArrayRef<float>(cpu::dynamic_map().data(), 256));
  parts.nested_codebook = map.to(values.device());
  launch_nf4_nest(data<float>(values), blocks, mutable_data<std::uint8_t>(parts.nested_codes),
                  mutable_data<float>(parts.nested_absmax), data<float>(parts.nested_codebook),
                  current_stream());
}

}  // namespace routedk::kernels::cuda
