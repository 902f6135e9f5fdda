/// Products with frozen matrices, and conversions of their formats, on the CPU.
#include "routedk/kernels/cpu/ggml_decode.h"
#include "routedk/kernels/cpu/matmul.h"
#include "routedk/kernels/cpu/nf4_codec.h"
#include "routedk/kernels/cpu/nf4_decode.h"

#include <algorithm>

#include "../devices.h"
#include <ATen/Parallel.h>

namespace routedk::kernels::cpu {
namespace {

/// The least number of blocks that a thread quantises.
constexpr std::int64_t kGrain = 1024;
/// Rows decoded at once.
constexpr std::int64_t kDecodedRows = 64;

template <typename T>
std::span<T> view(const at::Tensor& tensor) {
  return {static_cast<T*>(tensor.data_ptr()), static_cast<std::size_t>(tensor.numel())};
}

/// The result of `multiply` [T,columns] for rows [T,depth] and the weight.
template <typename Matmul>
at::Tensor product(const Matmul& multiply, const at::Tensor& x, const Weight& weight, std::int64_t columns,
                   const LowRanks& terms, Precision precision) {
  const at::Tensor rows = x.contiguous();
  MatmulInput input{rows.const_data_ptr<float>(), rows.size(0), {}, precision};
  LowRanks held;  // keeps contiguous copies alive while the product reads them
  for (const LowRank& term : terms) {
    held.push_back({term.left.contiguous(), term.right.contiguous(), term.begin});
    input.terms.push_back({held.back().left.const_data_ptr<float>(),
                           held.back().right.const_data_ptr<float>(), term.left.size(1), term.begin,
                           term.left.size(0)});
  }
  at::Tensor out = at::empty({rows.size(0), columns}, rows.options());
  multiply(input, MatrixView(weight), out.mutable_data_ptr<float>());
  return out;
}

/// product + the terms
at::Tensor plus(const at::Tensor& product, const LowRanks& terms) {
  for (const LowRank& term : terms) {
    product.narrow(0, term.begin, term.left.size(0)).addmm_(term.left, term.right);
  }
  return product;
}

const at::Tensor& standard_codebook() {
  static const at::Tensor codebook = at::tensor(at::ArrayRef<float>(kNf4Codebook));  // [16]
  return codebook;
}

const at::Tensor& standard_nested_codebook() {
  static const at::Tensor codebook = at::tensor(at::ArrayRef<float>(dynamic_map().data(), 256));  // [256]
  return codebook;
}

}  // namespace

at::Tensor multiply(const at::Tensor& x, const Weight& weight, const LowRanks& terms, Precision precision,
                    at::ScalarType to) {
  TORCH_INTERNAL_ASSERT(to == x.scalar_type());
  return x.scalar_type() == at::kFloat ? product(matmul, x, weight, out_features(weight), terms, precision)
                                       : plus(at::mm(x, dequantize(weight, x.scalar_type()).t()), terms);
}

at::Tensor multiply_backward(const at::Tensor& dy, const Weight& weight, const LowRanks& terms,
                             Precision precision, const at::Tensor& sum) {
  const at::Tensor dx = dy.scalar_type() == at::kFloat
                            ? product(matmul_backward, dy, weight, in_features(weight), terms, precision)
                            : plus(at::mm(dy, dequantize(weight, dy.scalar_type())), terms);
  return sum.defined() ? sum.add_(dx) : dx;
}

at::Tensor embedding(const at::Tensor& ids, const Weight& weight) {
  const at::Tensor rows = ids.to(at::kLong).contiguous();
  at::Tensor out = at::empty({rows.numel(), in_features(weight)}, at::kFloat);
  read_rows(MatrixView(weight), view<const std::int64_t>(rows), out.mutable_data_ptr<float>());
  return out;
}

/// Decodes some rows at a time; they stay in the L2 cache between decoding and rounding.
at::Tensor ggml_dequantize(const GgmlBlocks& weight, at::ScalarType dtype) {
  const std::int64_t in = weight.in_features();
  const auto* blocks = weight.data().const_data_ptr<std::uint8_t>();
  at::Tensor dense = at::empty({weight.out_features(), in}, dtype);
  at::parallel_for(0, dense.size(0), kDecodedRows, [&](std::int64_t begin, std::int64_t end) {
    const at::Tensor rows = at::empty({kDecodedRows, in}, at::kFloat);
    for (std::int64_t row = begin; row < end; row += kDecodedRows) {
      const std::int64_t count = std::min(kDecodedRows, end - row);
      const at::Tensor decoded = rows.narrow(0, 0, count);
      ggml_range_to_float(weight.type(), blocks, row * in, view<float>(decoded));
      dense.narrow(0, row, count).copy_(decoded);
    }
  });
  return dense;
}

/// Each block is quantised by one thread: the same bytes for any number of threads.
Nf4Parts nf4_quantize(const at::Tensor& values) {
  Nf4Parts parts;
  parts.out = values.size(0);
  parts.in = values.size(1);
  parts.codes = at::empty({nf4_bytes(values.numel())}, at::kByte);
  parts.codebook = standard_codebook();
  parts.absmax = at::empty({nf4_blocks(values.numel())}, at::kFloat);
  const auto from = view<const float>(values);
  const auto codes = view<std::uint8_t>(parts.codes);
  const auto absmax = view<float>(parts.absmax);
  at::parallel_for(0, nf4_blocks(values.numel()), kGrain, [&](std::int64_t begin, std::int64_t end) {
    const auto first = static_cast<std::size_t>(begin * kNf4Block);
    const auto count = static_cast<std::size_t>(std::min(end * kNf4Block, values.numel())) - first;
    nf4_quantize(from.subspan(first, count), codes.subspan(first / 2, (count + 1) / 2),
                 absmax.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
  });
  return parts;
}

void nf4_nest(const at::Tensor& centred_absmax, Nf4Parts& parts) {
  const std::int64_t blocks = centred_absmax.numel();
  parts.nested_codes = at::empty({blocks}, at::kByte);
  parts.nested_absmax = at::empty({nested_blocks(blocks)}, at::kFloat);
  parts.nested_codebook = standard_nested_codebook();
  dynamic8_quantize(view<const float>(centred_absmax), view<std::uint8_t>(parts.nested_codes),
                    view<float>(parts.nested_absmax));
}

at::Tensor nf4_dequantize(const Nf4& weight, at::ScalarType dtype) {
  at::Tensor dense = at::empty({weight.out_features(), weight.in_features()}, dtype);
  const Nf4Matrix from = view_of(weight);
  if (dtype == at::kFloat) {
    nf4_to_float(from.codes, from.absmax, view<float>(dense), from.codebook);
  } else {
    nf4_to_bfloat16(from.codes, from.absmax, view<c10::BFloat16>(dense), from.codebook);
  }
  return dense;
}

}  // namespace routedk::kernels::cpu
