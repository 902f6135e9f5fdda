/// Writing a Llama as a Hugging Face folder that transformers loads.
#pragma once

#include "routedk/model/parameters.h"

#include <filesystem>
#include <functional>

#include <ATen/ATen.h>

namespace routedk::model {

struct FolderOptions {
  LlamaConfig config;
  at::ScalarType dtype = at::kBFloat16;  ///< on disk: float32, float16 or bfloat16
  /// The model it was made from: a folder's other fields of config.json, its tokenizer files, chat template
  /// and generation_config.json go along; of a GGUF the ids of its special tokens. May be empty.
  std::filesystem::path original;
  /// Adds files of others, a GGUF's tokenizer among them, to the folder before it gets its name; may be
  /// empty.
  std::function<void(const std::filesystem::path& folder)> add_files{};
  std::uint64_t shard_bytes = 5'000'000'000;  ///< largest model.safetensors; more is split into shards
};

/// (a parameter) -> its values in its shape, of any floating type; asked for once each, in the order of
/// `parameters(config)`, one at a time in memory.
using ParameterFn = std::function<at::Tensor(const Parameter&)>;

/// Writes the dense model under a temporary name, flushes it, renames it. ConfigError when `folder` exists
/// and is not empty or the type is no other; SystemError.
void write_hf_folder(const FolderOptions& settings, const ParameterFn& value,
                     const std::filesystem::path& folder);

/// Quantises the linears of a model (GGUF file or dense folder) to NF4, tensor by tensor, and writes a folder
/// with `quantization_config` that bitsandbytes loads. The other parameters keep the model's type.
/// ConfigError as above, or when the model is NF4 already.
/// `add_files` as in FolderOptions.
void save_nf4_folder(const std::filesystem::path& model, bool double_quant,
                     const std::filesystem::path& folder,
                     const std::function<void(const std::filesystem::path&)>& add_files = {});

/// Quantises each matrix of a floating type in a safetensors file to NF4; the other tensors go along
/// unchanged.
void quantize_tensors(const std::filesystem::path& file, bool double_quant,
                      const std::filesystem::path& output);

}  // namespace routedk::model
