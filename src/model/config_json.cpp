// Hugging Face's config.json: fields of transformers' LlamaConfig, 4.x and 5.x.
#include "routedk/core/error.h"
#include "routedk/io/json_field.h"
#include "routedk/model/config.h"
#include "routedk/model/rotary.h"

#include <algorithm>

#include "size_limits.h"

namespace routedk::model {
namespace {

using io::JsonField;

// No real model exceeds this; it keeps every product of two sizes far from overflow.
std::int64_t size(const JsonField& field) {
  return field.integer(1, kLargestSize);
}

std::int64_t size_or(const JsonField& field, std::int64_t if_absent) {
  return field.absent() ? if_absent : size(field);
}

/// The section of the rotary embedding: rope_parameters in transformers 5, rope_scaling in older versions.
JsonField rope_section(const JsonField& config) {
  return config[config["rope_parameters"].absent() ? "rope_scaling" : "rope_parameters"];
}

RopeScaling read_llama3_scaling(const JsonField& rope) {
  RopeScaling s;
  s.factor = rope["factor"].real();
  s.low_freq_factor = rope["low_freq_factor"].real();
  s.high_freq_factor = rope["high_freq_factor"].real();
  s.original_context = size(rope["original_max_position_embeddings"]);
  rope["factor"].require(s.factor >= 1, "be at least 1");
  rope["low_freq_factor"].require(s.low_freq_factor > 0, "be positive");
  rope["high_freq_factor"].require(s.high_freq_factor > s.low_freq_factor, "be above low_freq_factor");
  return s;
}

void read_rope_section(const JsonField& rope, LlamaConfig& c) {
  rope.allow_only({"rope_type", "type", "rope_theta", "partial_rotary_factor", "factor", "low_freq_factor",
                   "high_freq_factor", "original_max_position_embeddings"});
  const JsonField type = rope[rope["rope_type"].absent() ? "type" : "rope_type"];
  const std::size_t kind = type.absent() ? 0 : type.choice({"default", "llama3", "linear"});
  rope["partial_rotary_factor"].require(rope["partial_rotary_factor"].real_or(1.0) == 1.0, "be 1");
  c.rope_theta = rope["rope_theta"].real_or(c.rope_theta);
  if (kind == 1) {
    c.rope_scaling = read_llama3_scaling(rope);
  } else if (kind == 2) {
    const double factor = rope["factor"].real();
    rope["factor"].require(factor >= 1.0 && factor <= 1e6, "be from 1 to 1000000");
    c.rope_divisors.assign(static_cast<std::size_t>(c.head_dim / 2), static_cast<float>(factor));
  }
}

void read_rope(const JsonField& config, LlamaConfig& c) {
  c.rope_theta = config["rope_theta"].real_or(10000.0);
  config["partial_rotary_factor"].require(config["partial_rotary_factor"].real_or(1.0) == 1.0, "be 1");
  config["rope_interleaved"].require(!config["rope_interleaved"].boolean(false), "be false");
  if (const JsonField rope = rope_section(config); !rope.absent()) {
    read_rope_section(rope, c);
  }
  config["rope_theta"].require(c.rope_theta > 0, "be positive");
}

void read_sizes(const JsonField& config, LlamaConfig& c) {
  c.layers = size(config["num_hidden_layers"]);
  c.hidden = size(config["hidden_size"]);
  c.heads = size(config["num_attention_heads"]);
  c.kv_heads = size_or(config["num_key_value_heads"], c.heads);
  c.ffn = size(config["intermediate_size"]);
  c.vocab = size(config["vocab_size"]);
  c.context = size_or(config["max_position_embeddings"], 2048);
  config["hidden_size"].require(!config["head_dim"].absent() || c.hidden % c.heads == 0,
                                "be a multiple of num_attention_heads where there is no head_dim");
  c.head_dim = size_or(config["head_dim"], c.hidden / c.heads);
  config["head_dim"].require(c.head_dim > 0 && c.head_dim % 2 == 0, "be even");
  config["num_key_value_heads"].require(c.heads % c.kv_heads == 0, "be a divisor of num_attention_heads");
}

/// The Llama 3 scaling (original context 8192, factors 1 and 4) with these divisors.
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

/// The common divisor of all frequencies, if there is one.
std::optional<double> linear_factor(const LlamaConfig& c) {
  const std::vector<float>& all = c.rope_divisors;
  const bool one = !all.empty() && !c.rope_scaling &&
                   std::all_of(all.begin(), all.end(), [&](float divisor) { return divisor == all.front(); });
  return one ? std::optional<double>(all.front()) : std::nullopt;
}

io::Json rope_json(const LlamaConfig& c) {
  if (!c.rope_scaling && c.rope_divisors.empty()) {
    return nullptr;
  }
  if (const auto factor = linear_factor(c)) {
    return {{"rope_type", "linear"}, {"factor", *factor}};
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
  const JsonField config = io::read_json_field(file);
  config["model_type"].choice({"llama"});
  config["auto_map"].require(config["auto_map"].absent(), "be absent (the model would bring its own code)");
  config["hidden_act"].require(config["hidden_act"].text_or("silu") == "silu", "be silu");
  LlamaConfig c;
  read_sizes(config, c);
  read_rope(config, c);
  c.rms_eps = config["rms_norm_eps"].real_or(1e-6);
  config["rms_norm_eps"].require(c.rms_eps > 0 && c.rms_eps < 1, "be between 0 and 1");
  c.tied_head = config["tie_word_embeddings"].boolean(false);
  c.attention_bias = config["attention_bias"].boolean(false);
  c.mlp_bias = config["mlp_bias"].boolean(false);
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
