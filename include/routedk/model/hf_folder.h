/// Writes a Llama as a Hugging Face folder that transformers loads.
#pragma once

#include "routedk/model/parameters.h"

#include <filesystem>
#include <functional>

#include <ATen/ATen.h>

namespace routedk::model {

struct FolderOptions {
  LlamaConfig config;
  at::ScalarType dtype = at::kBFloat16;  ///< on disk: float32, float16 or bfloat16
  /// The model it was made from. From a folder, the other fields of config.json, the tokenizer files, chat
  /// template and generation_config.json are copied; from a GGUF, the ids of its special tokens. May be
  /// empty.
  std::filesystem::path original;
  /// Adds other files, such as a GGUF's tokenizer, to the folder before it gets its final name; may be empty.
  std::function<void(const std::filesystem::path& folder)> add_files{};
  std::uint64_t shard_bytes = 5'000'000'000;  ///< more in model.safetensors is split into shards
};

/// (a parameter) -> its values in its shape, of any floating type; called once per parameter, in the order of
/// `parameters(config)`, so that only one is in memory.
using ParameterFn = std::function<at::Tensor(const Parameter&)>;

/// Writes the dense model under a temporary name, flushes and renames it. ConfigError when `folder` exists
/// and is not empty, or for any other type; SystemError on failure.
void write_hf_folder(const FolderOptions& settings, const ParameterFn& value,
                     const std::filesystem::path& folder);

/// Quantises the linears of a model (GGUF file or dense folder) to NF4, tensor by tensor, and writes a folder
/// with `quantization_config` that bitsandbytes loads. The other parameters keep the model's type.
/// ConfigError as above, or when the model is already NF4. `add_files` as in FolderOptions.
void save_nf4_folder(const std::filesystem::path& model, bool double_quant,
                     const std::filesystem::path& folder,
                     const std::function<void(const std::filesystem::path&)>& add_files = {});

/// Quantises each matrix of a floating type in a safetensors file to NF4; copies the other tensors unchanged.
void quantize_tensors(const std::filesystem::path& file, bool double_quant,
                      const std::filesystem::path& output);

}  // namespace routedk::model
