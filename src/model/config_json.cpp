// Hugging Face's config.json: fields of transformers' LlamaConfig, 4.x and 5.x.
#include "routedk/core/error.h"
#include "routedk/model/config.h"
#include "routedk/model/rotary.h"

#include <algorithm>
#include <array>

#include "json_fields.h"

namespace routedk::model {
namespace {

std::int64_t integer_or(const JsonFields& fields, const std::string& key, std::int64_t otherwise) {
  return fields.has(key) ? fields.integer(key) : otherwise;
}

/// The section of the rotary embedding: transformers 5 calls it rope_parameters, older ones rope_scaling.
std::string rope_key(const JsonFields& fields) {
  return fields.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
}

RopeScaling read_llama3_scaling(const JsonFields& rope) {
  RopeScaling s;
  s.factor = rope.real("factor");
  s.low_freq_factor = rope.real("low_freq_factor");
  s.high_freq_factor = rope.real("high_freq_factor");
  s.original_context = rope.integer("original_max_position_embeddings");
  rope.require(s.factor >= 1, "factor", "at least 1");
  rope.require(s.low_freq_factor > 0, "low_freq_factor", "positive");
  rope.require(s.high_freq_factor > s.low_freq_factor, "high_freq_factor", "above low_freq_factor");
  return s;
}

void read_rope(const JsonFields& fields, LlamaConfig& c) {
  c.rope_theta = fields.real("rope_theta", 10000.0);
  fields.require(fields.real("partial_rotary_factor", 1.0) == 1.0, "partial_rotary_factor", "1");
  fields.require(!fields.boolean("rope_interleaved", false), "rope_interleaved", "false");
  if (fields.has(rope_key(fields))) {
    static constexpr std::array<const char*, 8> kKnown = {
        "rope_type",        "type",
        "rope_theta",       "partial_rotary_factor",
        "factor",           "low_freq_factor",
        "high_freq_factor", "original_max_position_embeddings"};
    const JsonFields rope = fields.section(rope_key(fields));
    for (const auto& [key, value] : rope.all().items()) {
      rope.require(value.is_null() || std::find(kKnown.begin(), kKnown.end(), key) != kKnown.end(), key,
                   "absent from a Llama's rotary embedding");
    }
    const std::string type = rope.text("rope_type", rope.text("type", "default"));
    rope.require(type == "default" || type == "llama3", rope.has("rope_type") ? "rope_type" : "type",
                 "default or llama3");
    rope.require(rope.real("partial_rotary_factor", 1.0) == 1.0, "partial_rotary_factor", "1");
    c.rope_theta = rope.real("rope_theta", c.rope_theta);
    if (type == "llama3") {
      c.rope_scaling = read_llama3_scaling(rope);
    }
  }
  fields.require(c.rope_theta > 0, "rope_theta", "positive");
}

void read_sizes(const JsonFields& fields, LlamaConfig& c) {
  c.layers = fields.integer("num_hidden_layers");
  c.hidden = fields.integer("hidden_size");
  c.heads = fields.integer("num_attention_heads");
  c.kv_heads = integer_or(fields, "num_key_value_heads", c.heads);
  c.ffn = fields.integer("intermediate_size");
  c.vocab = fields.integer("vocab_size");
  c.context = integer_or(fields, "max_position_embeddings", 2048);
  fields.require(fields.has("head_dim") || c.hidden % c.heads == 0, "hidden_size",
                 "a multiple of num_attention_heads where there is no head_dim");
  c.head_dim = integer_or(fields, "head_dim", c.hidden / c.heads);
  fields.require(c.head_dim > 0 && c.head_dim % 2 == 0, "head_dim", "even");
  fields.require(c.heads % c.kv_heads == 0, "num_key_value_heads", "a divisor of num_attention_heads");
}

/// The scaling of Llama 3 (original context 8192, factors 1 and 4) whose divisors these are.
RopeScaling scaling_of_divisors(LlamaConfig config) {
  const at::Tensor wanted = inverse_frequencies(config);  // [C/2]
  RopeScaling scaling;
  scaling.factor = *std::max_element(config.rope_divisors.begin(), config.rope_divisors.end());
  config.rope_divisors.clear();
  config.rope_scaling = scaling;
  if (!at::allclose(inverse_frequencies(config), wanted, /*rtol=*/1e-5, /*atol=*/0.0)) {
    throw_<FileError>(
        "`rope_freqs.weight` must be the scaling of a Llama 3 to be written as JSON, but is another");
  }
  return scaling;
}

io::Json rope_json(const LlamaConfig& c) {
  if (!c.rope_scaling && c.rope_divisors.empty()) {
    return nullptr;
  }
  const RopeScaling s = c.rope_divisors.empty() ? *c.rope_scaling : scaling_of_divisors(c);
  return {{"rope_type", "llama3"},
          {"factor", s.factor},
          {"low_freq_factor", s.low_freq_factor},
          {"high_freq_factor", s.high_freq_factor},
          {"original_max_position_embeddings", s.original_context}};
}

}  // namespace

LlamaConfig LlamaConfig::from_json(const std::filesystem::path& file) {
  const JsonFields fields(file);
  fields.require(fields.text("model_type", "") == "llama", "model_type", "llama");
  fields.require(!fields.has("auto_map"), "auto_map", "absent (the model would bring its own code)");
  fields.require(fields.text("hidden_act", "silu") == "silu", "hidden_act", "silu");
  LlamaConfig c;
  read_sizes(fields, c);
  read_rope(fields, c);
  c.rms_eps = fields.real("rms_norm_eps", 1e-6);
  fields.require(c.rms_eps > 0 && c.rms_eps < 1, "rms_norm_eps", "between 0 and 1");
  c.tied_head = fields.boolean("tie_word_embeddings", false);
  c.attention_bias = fields.boolean("attention_bias", false);
  c.mlp_bias = fields.boolean("mlp_bias", false);
  return c;
}

io::Json config_json(const LlamaConfig& c, const std::string& dtype) {
  return {{"architectures", io::Json::array({"LlamaForCausalLM"})},
          {"model_type", "llama"},
          {"vocab_size", c.vocab},
          {"hidden_size", c.hidden},
          {"intermediate_size", c.ffn},
          {"num_hidden_layers", c.layers},
          {"num_attention_heads", c.heads},
          {"num_key_value_heads", c.kv_heads},
          {"head_dim", c.head_dim},
          {"hidden_act", "silu"},
          {"max_position_embeddings", c.context},
          {"rms_norm_eps", c.rms_eps},
          {"rope_theta", c.rope_theta},
          {"rope_scaling", rope_json(c)},
          {"tie_word_embeddings", c.tied_head},
          {"attention_bias", c.attention_bias},
          {"mlp_bias", c.mlp_bias},
          {"torch_dtype", dtype}};
}

}  // namespace routedk::model
