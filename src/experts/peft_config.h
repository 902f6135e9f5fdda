/// adapter_config.json: what PEFT 0.21 makes of it, as ranks and alphas of a model's linears, and back.
#pragma once

#include "routedk/experts/expert.h"
#include "routedk/io/jsonl.h"

#include <filesystem>
#include <string>

namespace routedk::experts {

/// FileError names the field that breaks a rule, or that is not at its default and not understood here.
LoraPlan read_peft_config(const std::filesystem::path& path, const model::LlamaConfig& model);

/// The commonest rank and alpha as `r` and `lora_alpha`, the others as patterns that spell modules out.
/// ConfigError when the expert adapts nothing, which PEFT can't express.
io::Json peft_config_json(const Expert& expert, const std::string& base_model);

}  // namespace routedk::experts
