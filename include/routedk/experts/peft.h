/// Experts as adapter folders of Hugging Face PEFT: adapter_model.safetensors and adapter_config.json.
#pragma once

#include "routedk/experts/expert.h"

#include <filesystem>
#include <string>

namespace routedk::experts {

/// Writes the folder under a temporary name, flushes, renames. Factors are stored in F32 as
/// `base_model.model.model.layers.<n>.<module>.lora_A.weight` [r,in] and `.lora_B.weight` [out,r]; differing
/// ranks and alphas become `rank_pattern` and `alpha_pattern`. `base_model` is the backbone's name in the
/// configuration. ConfigError if the expert adapts nothing, SystemError if the disk is full.
void save_peft(const Expert& expert, const std::filesystem::path& folder, const std::string& base_model);

/// Reads what PEFT 0.21 reads: r, lora_alpha, use_rslora, rank_pattern, alpha_pattern, target_modules (names
/// or their last parts, a regular expression, `all-linear`), exclude_modules, layers_to_transform,
/// layers_pattern. Stricter than PEFT, which only warns: FileError if any other field is not at its default,
/// a name or pattern matches no linear of `model`, or a tensor is missing, unknown, of another shape or not
/// finite.
Expert load_peft(const std::filesystem::path& folder, const std::string& name,
                 const model::LlamaConfig& model);

/// The ranks and alphas of an adapter by the same rules without its model: it has the layers and shapes that
/// the tensors have. FileError; values are not read.
LoraPlan read_peft_plan(const std::filesystem::path& folder);

}  // namespace routedk::experts
