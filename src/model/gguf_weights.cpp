#include "gguf_weights.h"

#include "routedk/core/error.h"
#include "routedk/model/gguf_layout.h"
#include "routedk/model/parameters.h"
#include "routedk/quant/ggml_tensor.h"

#include <fmt/ranges.h>

namespace routedk::model {
namespace {

std::map<std::string, std::string> gguf_names(const LlamaConfig& config) {
  std::map<std::string, std::string> names = {
      {kEmbedding, "token_embd.weight"}, {kFinalNorm, "output_norm.weight"}, {kHead, "output.weight"}};
  for (std::int64_t i = 0; i < config.layers; ++i) {
    names[attention_norm_name(i)] = fmt::format("blk.{}.attn_norm.weight", i);
    names[mlp_norm_name(i)] = fmt::format("blk.{}.ffn_norm.weight", i);
    for (int kind = 0; kind < kLinears; ++kind) {
      const auto linear = static_cast<Linear>(kind);
      for (const char* part : {".weight", ".bias"}) {
        names[module_name(i, linear) + part] = gguf_module_name(i, linear) + part;
      }
    }
  }
  return names;
}

bool is_rotated_name(const std::string& name) {
  return name.find(".q_proj.") != std::string::npos || name.find(".k_proj.") != std::string::npos;
}

}  // namespace

GgufWeights::GgufWeights(io::GgufFile file)
    : WeightSource(LlamaConfig::from_gguf(file)), file_(std::move(file)), names_(gguf_names(config())) {
  if (!config().rope_divisors.empty()) {
    used_.insert("rope_freqs.weight");
  }
}

const io::GgufTensor& GgufWeights::find(const std::string& name) const {
  const auto known = names_.find(name);
  if (known == names_.end()) {
    throw_<Error>("a parameter must be one of a Llama, but is `{}`", name);
  }
  return file_.tensor(known->second);
}

const io::GgufTensor& GgufWeights::find(const std::string& name,
                                        const std::vector<std::int64_t>& shape) const {
  const io::GgufTensor& tensor = find(name);
  if (tensor.shape != shape) {
    throw_<FileError>("tensor `{}` must have shape [{}], but has [{}] instead ({})", tensor.name,
                      fmt::join(shape, ","), fmt::join(tensor.shape, ","), file_.file().path().string());
  }
  return tensor;
}

std::optional<kernels::GgmlBlocks> GgufWeights::blocks_of(const io::GgufTensor& tensor) const {
  auto blocks = quant::borrow_blocks(tensor, tensor.mapping);
  if (blocks) {
    require_finite(blocks->scales(), tensor.name, file_.file().path().string());
  }
  return blocks;
}

std::optional<kernels::Weight> GgufWeights::packed(const std::string& name, LinearShape shape) {
  const io::GgufTensor& tensor = find(name, {shape.out, shape.in});
  auto blocks = blocks_of(tensor);
  if (!blocks) {
    return std::nullopt;
  }
  used_.insert(tensor.name);
  if (is_rotated_name(name)) {
    blocks = kernels::GgmlBlocks(blocks->type(), half_split(blocks->data(), config().head_dim));
  }
  tensor.mapping->release(tensor.bytes);
  return std::move(*blocks);
}

at::Tensor GgufWeights::dense(const std::string& name, const std::vector<std::int64_t>& shape) {
  const io::GgufTensor& tensor = find(name, shape);
  const auto blocks = blocks_of(tensor);
  const at::Tensor values =
      blocks ? kernels::dequantize(*blocks, at::kFloat).view(shape) : quant::dense_values(tensor);
  require_finite(values, tensor.name, file_.file().path().string());
  used_.insert(tensor.name);
  return is_rotated_name(name) ? half_split(values, config().head_dim) : values;
}

StoredAs GgufWeights::stored(const std::string& name) const {
  const io::GgufTensor& tensor = find(name);
  return {std::string(name_of(tensor.type)), tensor.bytes.size(), quant::block_type(tensor.type).has_value()};
}

void GgufWeights::finish() {
  for (const auto& [name, tensor] : file_.tensors()) {
    if (!used_.contains(name)) {
      throw_<FileError>("every tensor must belong to a Llama, but `{}` does not ({})", name,
                        file_.file().path().string());
    }
  }
}

}  // namespace routedk::model
