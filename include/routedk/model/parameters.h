/// A Llama's parameters under Hugging Face's names.
#pragma once

#include "routedk/model/config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace routedk::model {

inline constexpr const char* kEmbedding = "model.embed_tokens.weight";
inline constexpr const char* kFinalNorm = "model.norm.weight";
inline constexpr const char* kHead = "lm_head.weight";

/// "model.layers.3.input_layernorm.weight"
std::string attention_norm_name(std::int64_t layer);
/// "model.layers.3.post_attention_layernorm.weight"
std::string mlp_norm_name(std::int64_t layer);
/// "model.layers.3.mlp.up_proj", to which ".weight" or ".bias" is added
std::string module_name(std::int64_t layer, Linear linear);

struct Parameter {
  std::string name;
  std::vector<std::int64_t> shape;
  /// Set for the matrix of a linear of layer `layer`: those are what NF4 packs.
  std::optional<Linear> linear = std::nullopt;
  std::int64_t layer = 0;
};

/// All parameters, those of the layers first; the head only if it is not tied.
std::vector<Parameter> parameters(const LlamaConfig& config);

}  // namespace routedk::model
