/// Experts as adapter folders of Hugging Face PEFT: adapter_model.safetensors and adapter_config.json.
#pragma once

#include "routedk/experts/expert.h"

#include <filesystem>
#include <string>

namespace routedk::experts {

/// Writes the folder under a temporary name, flushes, renames. Factors are stored in F32 under
/// `base_model.model.model.layers.<n>.<module>.lora_A.weight` [r,in] and `.lora_B.weight` [out,r].
/// `base_model` is what the configuration calls the backbone. SystemError when the disk is full.
void save_peft(const Expert& expert, const std::filesystem::path& folder, const std::string& base_model);

/// Reads r, lora_alpha, use_rslora and target_modules (a list of module names or their last parts, the same
/// in every layer). FileError when any other field that changes the result is not at its neutral value, a
/// tensor is missing, unknown, of another shape or not finite, or a target names no linear of `model`.
Expert load_peft(const std::filesystem::path& folder, const std::string& name,
                 const model::LlamaConfig& model);

}  // namespace routedk::experts
