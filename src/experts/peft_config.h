/// adapter_config.json as PEFT 0.21 interprets it: to ranks and alphas of a model's linears, and back.
#pragma once

#include "routedk/experts/expert.h"
#include "routedk/io/jsonl.h"

#include <filesystem>
#include <string>

namespace routedk::experts {

/// FileError names the field that breaks a rule, or that is not at its default and not supported.
LoraPlan read_peft_config(const std::filesystem::path& path, const model::LlamaConfig& model);

/// The most common rank and alpha become `r` and `lora_alpha`, the others patterns with full module names.
/// ConfigError if the expert adapts nothing, which PEFT cannot express.
io::Json peft_config_json(const Expert& expert, const std::string& base_model);

}  // namespace routedk::experts
