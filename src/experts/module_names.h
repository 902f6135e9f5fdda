/// Names of a Llama's modules in Hugging Face and PEFT.
#pragma once

#include "routedk/model/parameters.h"

#include <cstdint>
#include <string>
#include <vector>

namespace routedk::experts {

/// The name of A or B in an adapter file: "base_model.model.<module>.lora_A.weight".
std::string factor_name(std::int64_t layer, model::Linear linear, char factor);

/// Every module that is not an adapted linear: the embedding, the head, the norms, the containers.
std::vector<std::string> other_modules(const model::LlamaConfig& model);

}  // namespace routedk::experts
