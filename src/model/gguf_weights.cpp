#include "routedk/model/gguf_weights.h"

#include "routedk/core/error.h"

#include <array>
#include <cmath>

#include <ATen/Parallel.h>
#include <fmt/ranges.h>

namespace routedk::model {
namespace {

/// The linears' names in a GGUF, in the order of `Linear`.
constexpr std::array<const char*, kLinears> kGgufNames = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                                          "ffn_gate", "ffn_up", "ffn_down"};

/// Undoes the interleaved rotary layout: row 2i + j of a head goes back to row j * C/2 + i.
at::Tensor half_split(const at::Tensor& weight, std::int64_t head_dim) {
  const std::int64_t in = weight.size(1);
  return weight.view({-1, head_dim / 2, 2, in}).transpose(1, 2).reshape({-1, in});
}

/// Decodes a tensor in pieces of whole blocks, in parallel.
void decode(const io::GgufTensor& tensor, float* out, std::int64_t elements) {
  const io::BlockLayout block = io::ggml_block(tensor.type);
  at::parallel_for(0, elements / block.elements, 4096, [&](std::int64_t begin, std::int64_t end) {
    const auto bytes = tensor.bytes.subspan(static_cast<std::size_t>(begin) * block.bytes,
                                            static_cast<std::size_t>(end - begin) * block.bytes);
    io::ggml_dequantize(
        tensor.type, bytes,
        {out + begin * block.elements, static_cast<std::size_t>((end - begin) * block.elements)});
  });
}

}  // namespace

GgufWeights::GgufWeights(const io::GgufFile& file, const LlamaConfig& config, const LoadOptions& options)
    : file_(file), config_(config), options_(options) {
  if (options.dtype != at::kFloat && options.dtype != at::kBFloat16) {
    throw_<ConfigError>("the compute type must be float32 or bfloat16, but is {} instead",
                        at::toString(options.dtype));
  }
}

at::Tensor GgufWeights::read(const std::string& name, const std::vector<std::int64_t>& shape) {
  const io::GgufTensor& tensor = file_.tensor(name);
  if (tensor.shape != shape) {
    throw_<FileError>("tensor `{}` must have shape [{}], but has [{}] instead ({})", name,
                      fmt::join(shape, ","), fmt::join(tensor.shape, ","), file_.file().path().string());
  }
  at::Tensor values = at::empty(shape, at::kFloat);
  decode(tensor, values.data_ptr<float>(), values.numel());
  file_.file().release(tensor.bytes);
  const auto [least, most] = at::aminmax(values);  // both NaN where one value is
  if (!std::isfinite(least.item<float>()) || !std::isfinite(most.item<float>())) {
    throw_<FileError>("tensor `{}` must be finite, but holds infinite or undefined values ({})", name,
                      file_.file().path().string());
  }
  used_.insert(name);
  return values;
}

at::Tensor GgufWeights::matrix(const std::string& name, std::int64_t rows, std::int64_t cols) {
  return read(name, {rows, cols}).to(options_.dtype);
}

at::Tensor GgufWeights::vector(const std::string& name, std::int64_t size) {
  return read(name, {size}).to(options_.dtype);
}

quant::FrozenLinear GgufWeights::linear(std::int64_t index, Linear kind) {
  const LinearShape shape = linear_shape(config_, kind);
  const std::string name = fmt::format("blk.{}.{}.weight", index, kGgufNames[static_cast<std::size_t>(kind)]);
  at::Tensor weight = read(name, {shape.out, shape.in});
  if (kind == Linear::kQ || kind == Linear::kK) {
    weight = half_split(weight, config_.head_dim);
  }
  if (options_.nf4) {
    return quant::FrozenLinear(quant::PackedWeight::quantize(weight, options_.double_quant));
  }
  return quant::FrozenLinear(weight.to(options_.dtype));
}

Layer GgufWeights::layer(std::int64_t index) {
  Layer layer;
  layer.attention_norm = vector(fmt::format("blk.{}.attn_norm.weight", index), config_.hidden);
  layer.mlp_norm = vector(fmt::format("blk.{}.ffn_norm.weight", index), config_.hidden);
  for (int i = 0; i < kLinears; ++i) {
    layer.linears[static_cast<std::size_t>(i)] = linear(index, static_cast<Linear>(i));
  }
  return layer;
}

void GgufWeights::finish() const {
  for (const auto& [name, tensor] : file_.tensors()) {
    if (!used_.contains(name)) {
      throw_<FileError>("every tensor of a Llama must be known, but `{}` is not ({})", name,
                        file_.file().path().string());
    }
  }
}

}  // namespace routedk::model
