/// Experts as a LoRA in GGUF, which llama.cpp applies to the GGUF of their backbone.
#pragma once

#include "routedk/core/named_enum.h"
#include "routedk/experts/bank.h"

#include <cstdint>
#include <filesystem>

#include <ATen/ATen.h>

namespace routedk::experts {

/// The storage type of the factors.
enum class FactorType { kF16, kF32 };
constexpr auto enum_names(FactorType /*of*/) {
  return std::to_array<EnumName<FactorType>>({{FactorType::kF16, "f16"}, {FactorType::kF32, "f32"}});
}

/// What was written to a file.
struct GgufLora {
  std::int64_t linears = 0;  ///< adapted linears
  std::int64_t rank = 0;     ///< the largest rank
};

/// Writes the mix sum_i weights[l,i] s_i B_i A_i, weights [L,K] F32, the same for every input: for each
/// linear, the stacked factors of all experts with a nonzero weight there, as
/// `blk.<l>.<linear>.weight.lora_a` [R,in] and `.lora_b` [out,R] under `general.type` adapter and
/// `adapter.type` lora (as in llama.cpp's convert_lora_to_gguf.py). Readers scale each linear by
/// `adapter.lora.alpha` / R; the file has one alpha, its largest R, so B includes weights, s_i and R / alpha.
/// Rows of B for queries and keys are in GGUF's order. `general.name` is the file's name without its suffix.
///
/// ConfigError if the mix adapts nothing or a factor exceeds the type, SystemError if the disk is full.
GgufLora save_gguf_lora(const ExpertBank& bank, const at::Tensor& weights, const model::LlamaConfig& model,
                        FactorType type, const std::filesystem::path& file);

}  // namespace routedk::experts
