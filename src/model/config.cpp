#include "routedk/model/config.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "size_limits.h"

namespace routedk::model {
namespace {

std::int64_t size_of(const io::GgufFile& file, const std::string& key) {
  const std::int64_t value = file.integer(key);
  if (value < 1 || value > kLargestSize) {
    throw_<FileError>("`{}` must be between 1 and {}, but is {} instead ({})", key, kLargestSize, value,
                      file.file().path().string());
  }
  return value;
}

std::int64_t integer_or(const io::GgufFile& file, const std::string& key, std::int64_t otherwise) {
  return file.has(key) ? file.integer(key) : otherwise;
}

void require(bool holds, const char* rule, const io::GgufFile& file) {
  if (!holds) {
    throw_<FileError>("a Llama's {} ({})", rule, file.file().path().string());
  }
}

/// Llama 3.1's rotary scaling as GGUF converters store it: divisors of the inverse frequencies.
std::vector<float> read_divisors(const io::GgufFile& file, std::int64_t head_dim) {
  const auto found = file.tensors().find("rope_freqs.weight");
  if (found == file.tensors().end()) {
    return {};
  }
  const io::GgufTensor& tensor = found->second;
  require(tensor.type == io::GgmlType::kF32 && tensor.shape == std::vector<std::int64_t>{head_dim / 2},
          "`rope_freqs.weight` must be F32 with half its head size of values", file);
  std::vector<float> divisors(static_cast<std::size_t>(head_dim / 2));
  std::memcpy(divisors.data(), tensor.bytes.data(), tensor.bytes.size());
  const bool positive =
      std::all_of(divisors.begin(), divisors.end(), [](float d) { return d > 0 && std::isfinite(d); });
  require(positive, "`rope_freqs.weight` must be positive", file);
  return divisors;
}

/// The factor of linear rotary scaling, as llama.cpp reads it: from its key, else from the old one. Without a
/// type it is linear; type none disables it; 0 means none.
double read_linear_factor(const io::GgufFile& file) {
  const std::string type =
      file.has("llama.rope.scaling.type") ? file.text("llama.rope.scaling.type") : "linear";
  if (type != "none" && type != "linear") {
    throw_<FileError>("`llama.rope.scaling.type` must be none or linear, but is `{}` instead ({})", type,
                      file.file().path().string());
  }
  const std::string magnitude = "llama.rope.scaling.attn_factor";
  if (file.has(magnitude) && file.real(magnitude) != 1.0) {
    throw_<FileError>(
        "`{}` must be 1, but is {} instead: a rotary scaling that changes attention is not supported ({})",
        magnitude, file.real(magnitude), file.file().path().string());
  }
  double factor = 0.0;
  for (const char* key : {"llama.rope.scaling.factor", "llama.rope.scale_linear"}) {
    factor = factor == 0.0 && file.has(key) ? file.real(key) : factor;
  }
  if (!(factor == 0.0 || (factor > 0.0 && std::isfinite(1.0 / factor))) || !std::isfinite(factor)) {
    throw_<FileError>("a rotary scaling's factor must be positive, but is {} instead ({})", factor,
                      file.file().path().string());
  }
  return type == "none" || factor == 0.0 ? 1.0 : factor;
}

/// The divisors times the factor; none if all would be 1.
std::vector<float> scaled_divisors(std::vector<float> divisors, double factor, std::int64_t head_dim) {
  if (factor == 1.0) {
    return divisors;
  }
  divisors.resize(static_cast<std::size_t>(head_dim / 2), divisors.empty() ? 1.0F : divisors.back());
  for (float& divisor : divisors) {
    divisor = static_cast<float>(divisor * factor);
  }
  return divisors;
}

}  // namespace

LlamaConfig LlamaConfig::from_gguf(const io::GgufFile& file) {
  if (file.has("general.type") && file.text("general.type") == "adapter") {
    throw_<FileError>(
        "a model's GGUF must have the weights of a model, but {} is an adapter (`general.type`)",
        file.file().path().string());
  }
  const std::string& architecture = file.text("general.architecture");
  if (architecture != "llama") {
    throw_<FileError>("`general.architecture` must be llama, but is `{}` instead ({})", architecture,
                      file.file().path().string());
  }
  LlamaConfig c;
  c.layers = size_of(file, "llama.block_count");
  c.hidden = size_of(file, "llama.embedding_length");
  c.heads = size_of(file, "llama.attention.head_count");
  c.kv_heads =
      file.has("llama.attention.head_count_kv") ? size_of(file, "llama.attention.head_count_kv") : c.heads;
  c.ffn = size_of(file, "llama.feed_forward_length");
  c.context = size_of(file, "llama.context_length");
  c.vocab = static_cast<std::int64_t>(file.texts("tokenizer.ggml.tokens").size());
  c.rms_eps = file.real("llama.attention.layer_norm_rms_epsilon");
  c.rope_theta = file.has("llama.rope.freq_base") ? file.real("llama.rope.freq_base") : 10000.0;
  c.tied_head = !file.tensors().contains("output.weight");
  c.attention_bias = file.tensors().contains("blk.0.attn_q.bias");
  c.mlp_bias = file.tensors().contains("blk.0.ffn_gate.bias");
  const bool own_head = file.has("llama.attention.key_length");
  require(own_head || c.hidden % c.heads == 0, "hidden size must be a multiple of its heads", file);
  require(c.heads % c.kv_heads == 0, "heads must be a multiple of its key/value heads", file);
  c.head_dim = own_head ? size_of(file, "llama.attention.key_length") : c.hidden / c.heads;
  require(c.head_dim % 2 == 0, "head size must be even", file);
  require(integer_or(file, "llama.attention.value_length", c.head_dim) == c.head_dim,
          "value size must be its head size", file);
  require(integer_or(file, "llama.rope.dimension_count", c.head_dim) == c.head_dim,
          "rotary embedding must cover the whole head", file);
  require(c.rms_eps > 0 && c.rms_eps < 1, "rms epsilon must be between 0 and 1", file);
  require(c.rope_theta > 0, "rotary base must be positive", file);
  c.rope_divisors = scaled_divisors(read_divisors(file, c.head_dim), read_linear_factor(file), c.head_dim);
  return c;
}

std::vector<Linear> all_linears() {
  std::vector<Linear> all;
  for (const auto& [linear, name] : enum_names(Linear{})) {
    all.push_back(linear);
  }
  return all;
}

const char* linear_module(Linear linear) noexcept {
  static constexpr std::array<const char*, kLinears> kNames = {
      "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
      "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj"};
  return kNames[static_cast<std::size_t>(linear)];
}

LinearShape linear_shape(const LlamaConfig& c, Linear linear) noexcept {
  const std::int64_t query = c.heads * c.head_dim;
  const std::int64_t key = c.kv_heads * c.head_dim;
  switch (linear) {
    case Linear::kQ:
      return {query, c.hidden};
    case Linear::kK:
    case Linear::kV:
      return {key, c.hidden};
    case Linear::kO:
      return {c.hidden, query};
    case Linear::kGate:
    case Linear::kUp:
      return {c.ffn, c.hidden};
    case Linear::kDown:
      break;
  }
  return {c.hidden, c.ffn};
}

bool has_bias(const LlamaConfig& c, Linear linear) noexcept {
  return linear <= Linear::kO ? c.attention_bias : c.mlp_bias;
}

}  // namespace routedk::model
