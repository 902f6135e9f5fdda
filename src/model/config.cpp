#include "routedk/model/config.h"

#include "routedk/core/error.h"

#include <array>

namespace routedk::model {
namespace {

/// No real model exceeds these; they keep every product of two of them far from overflow.
constexpr std::int64_t kLargest = std::int64_t{1} << 24;

std::int64_t size_of(const io::GgufFile& file, const std::string& key) {
  const std::int64_t value = file.integer(key);
  if (value < 1 || value > kLargest) {
    throw_<FileError>("`{}` must be between 1 and {}, but is {} instead ({})", key, kLargest, value,
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

}  // namespace

LlamaConfig LlamaConfig::from_gguf(const io::GgufFile& file) {
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
  require(c.hidden % c.heads == 0, "hidden size must be a multiple of its heads", file);
  require(c.heads % c.kv_heads == 0, "heads must be a multiple of its key/value heads", file);
  c.head_dim = file.has("llama.attention.key_length") ? size_of(file, "llama.attention.key_length")
                                                      : c.hidden / c.heads;
  require(c.head_dim % 2 == 0, "head size must be even", file);
  require(integer_or(file, "llama.attention.value_length", c.head_dim) == c.head_dim,
          "value size must be its head size", file);
  require(integer_or(file, "llama.rope.dimension_count", c.head_dim) == c.head_dim,
          "rotary embedding must turn the whole head", file);
  require(!file.has("llama.rope.scaling.type") || file.text("llama.rope.scaling.type") == "none",
          "rotary scaling must be none", file);
  require(c.rms_eps > 0 && c.rms_eps < 1, "rms epsilon must be between 0 and 1", file);
  require(c.rope_theta > 0, "rotary base must be positive", file);
  return c;
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

}  // namespace routedk::model
