#include "routedk/model/parameters.h"

#include <fmt/format.h>

namespace routedk::model {
namespace {

void add_layer(std::vector<Parameter>& all, const LlamaConfig& config, std::int64_t layer) {
  for (int i = 0; i < kLinears; ++i) {
    const auto linear = static_cast<Linear>(i);
    const auto [out, in] = linear_shape(config, linear);
    all.push_back({module_name(layer, linear) + ".weight", {out, in}, linear, layer});
    if (has_bias(config, linear)) {
      all.push_back({module_name(layer, linear) + ".bias", {out}});
    }
  }
  all.push_back({attention_norm_name(layer), {config.hidden}});
  all.push_back({mlp_norm_name(layer), {config.hidden}});
}

}  // namespace

std::string attention_norm_name(std::int64_t layer) {
  return fmt::format("model.layers.{}.input_layernorm.weight", layer);
}

std::string mlp_norm_name(std::int64_t layer) {
  return fmt::format("model.layers.{}.post_attention_layernorm.weight", layer);
}

std::string module_name(std::int64_t layer, Linear linear) {
  return fmt::format("model.layers.{}.{}", layer, linear_module(linear));
}

std::vector<Parameter> parameters(const LlamaConfig& config) {
  std::vector<Parameter> all;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    add_layer(all, config, layer);
  }
  all.push_back({kEmbedding, {config.vocab, config.hidden}});
  all.push_back({kFinalNorm, {config.hidden}});
  if (!config.tied_head) {
    all.push_back({kHead, {config.vocab, config.hidden}});
  }
  return all;
}

}  // namespace routedk::model
