/// The `model:` section: the frozen backbone and its precision.
#pragma once

#include "routedk/core/config_rules.h"
#include "routedk/model/load_options.h"

#include <string>

namespace routedk::workflow {

/// For ModelConfig::device.
struct DeviceRule {
  static bool holds(const std::string& word) noexcept { return model::names_device(word); }
  static const char* words() noexcept { return "auto, cpu, cuda or cuda:N"; }
};

/// The model that scripts/setup downloads.
inline constexpr const char* kSmallModel = ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf";

struct ModelConfig {
  std::string path = kSmallModel;
  model::Quant quant = model::Quant::kAuto;
  bool double_quant = true;
  model::ComputeType dtype = model::ComputeType::kAuto;
  std::string device = "auto";
  std::string chat;

  template <typename F>
  void fields(F& f) {
    f("path", path, "the backbone: a GGUF file or a Hugging Face folder, dense or NF4", InputPath());
    f("quant", quant,
      "the frozen linears: auto keeps what the file packs and makes NF4 of the rest, keep takes all as "
      "stored, nf4 makes NF4 of all, none makes all dense");
    f("double_quant", double_quant, "store NF4 scales in 8 bits");
    f("dtype", dtype,
      "what the operands of products are rounded to; auto: bfloat16 on a GPU and where the CPU multiplies "
      "it faster, otherwise float32");
    f("device", device, "where to compute; auto: the first GPU that can be used, otherwise the CPU",
      DeviceRule());
    f("chat", chat,
      "a chat template instead of the model's own: chatml, llama2, llama3, llama31, zephyr, or a file "
      "with a Jinja template");
  }
};

/// Converts the settings. ConfigError if this build does not support the device.
model::LoadOptions load_options(const ModelConfig& settings);

}  // namespace routedk::workflow
