/// A Llama of two small layers, untied head, two query heads to a key head.
#pragma once

#include "routedk/core/random.h"
#include "routedk/model/config.h"

#include <string>
#include <vector>

#include "support/gguf_writer.h"

namespace routedk::testing {

inline model::LlamaConfig tiny_config() {
  model::LlamaConfig c;
  c.layers = 2;
  c.hidden = 32;
  c.heads = 4;
  c.kv_heads = 2;
  c.head_dim = 8;
  c.ffn = 48;
  c.vocab = 40;
  c.context = 64;
  return c;
}

/// Keyed values uniform in middle +- spread.
inline std::vector<float> tiny_values(const std::string& name, std::int64_t count, double middle,
                                      double spread) {
  Random random(3, name);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) {
    value = static_cast<float>(middle + spread * (2.0 * random.uniform() - 1.0));
  }
  return values;
}

/// The GGUF of such a model; a test changes what it wants before saving.
inline GgufWriter tiny_llama(const model::LlamaConfig& c = tiny_config()) {
  GgufWriter gguf;
  gguf.text("general.architecture", "llama");
  gguf.integer("llama.block_count", static_cast<std::uint32_t>(c.layers));
  gguf.integer("llama.embedding_length", static_cast<std::uint32_t>(c.hidden));
  gguf.integer("llama.attention.head_count", static_cast<std::uint32_t>(c.heads));
  gguf.integer("llama.attention.head_count_kv", static_cast<std::uint32_t>(c.kv_heads));
  gguf.integer("llama.feed_forward_length", static_cast<std::uint32_t>(c.ffn));
  gguf.integer("llama.context_length", static_cast<std::uint32_t>(c.context));
  gguf.real("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  gguf.texts("tokenizer.ggml.tokens", std::vector<std::string>(static_cast<std::size_t>(c.vocab), "t"));
  const auto matrix = [&](const std::string& name, std::int64_t rows, std::int64_t cols) {
    gguf.tensor(name, {rows, cols}, tiny_values(name, rows * cols, 0.0, 0.3));
  };
  const auto norm = [&](const std::string& name) {
    gguf.tensor(name, {c.hidden}, tiny_values(name, c.hidden, 1.0, 0.2));
  };
  matrix("token_embd.weight", c.vocab, c.hidden);
  matrix("output.weight", c.vocab, c.hidden);
  norm("output_norm.weight");
  const std::vector<std::string> names = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                          "ffn_gate", "ffn_up", "ffn_down"};
  for (std::int64_t layer = 0; layer < c.layers; ++layer) {
    const std::string block = "blk." + std::to_string(layer) + ".";
    norm(block + "attn_norm.weight");
    norm(block + "ffn_norm.weight");
    for (int i = 0; i < model::kLinears; ++i) {
      const model::LinearShape shape = linear_shape(c, static_cast<model::Linear>(i));
      matrix(block + names[static_cast<std::size_t>(i)] + ".weight", shape.out, shape.in);
    }
  }
  return gguf;
}

}  // namespace routedk::testing
