#include "module_names.h"

#include <fmt/format.h>

namespace routedk::experts {

std::string factor_name(std::int64_t layer, model::Linear linear, char factor) {
  return fmt::format("base_model.model.{}.lora_{}.weight", model::module_name(layer, linear), factor);
}

std::vector<std::string> other_modules(const model::LlamaConfig& model) {
  std::vector<std::string> names = {"model",      "model.embed_tokens", "model.layers",
                                    "model.norm", "model.rotary_emb",   "lm_head"};
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    const std::string name = fmt::format("model.layers.{}", layer);
    names.push_back(name);
    for (const char* part :
         {"self_attn", "mlp", "mlp.act_fn", "input_layernorm", "post_attention_layernorm"}) {
      names.push_back(fmt::format("{}.{}", name, part));
    }
  }
  return names;
}

}  // namespace routedk::experts
