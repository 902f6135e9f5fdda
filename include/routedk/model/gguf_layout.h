/// Names of a layer's linears in the GGUF of a Llama, and the order of their rows.
#pragma once

#include "routedk/model/config.h"

#include <cstdint>
#include <string>

#include <ATen/ATen.h>

namespace routedk::model {

/// "blk.3.attn_q", to which ".weight" or ".bias" is added.
std::string gguf_module_name(std::int64_t layer, Linear linear);

/// Whether the rows of that linear are permuted: llama.cpp rotates adjacent pairs, Hugging Face the two
/// halves of a head.
bool is_rotated(Linear linear) noexcept;
/// Reorders rows [out,...] from Hugging Face to GGUF: of a head's C rows, row j * C/2 + i becomes 2i + j.
at::Tensor interleaved(const at::Tensor& rows, std::int64_t head_dim);
/// The reverse.
at::Tensor half_split(const at::Tensor& rows, std::int64_t head_dim);

}  // namespace routedk::model
