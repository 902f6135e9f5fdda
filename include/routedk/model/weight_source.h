/// Where a model's parameters come from: a GGUF file or a Hugging Face folder behind one interface, one
/// parameter at a time, under Hugging Face's names and in its layout.
#pragma once

#include "routedk/kernels/weight.h"
#include "routedk/model/config.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::model {

/// How a file keeps a parameter.
struct StoredAs {
  std::string type;  ///< "BF16", "Q4_K", "NF4" (with 8-bit scales "NF4 double")
  std::uint64_t bytes = 0;
  bool packed = false;  ///< in NF4 or in ggml's blocks
};

class WeightSource {
 public:
  /// A GGUF file, or a folder with config.json and model.safetensors or shards. FileError when it is neither
  /// or not a Llama.
  static std::unique_ptr<WeightSource> open(const std::filesystem::path& path);

  WeightSource(const WeightSource&) = delete;
  WeightSource& operator=(const WeightSource&) = delete;
  virtual ~WeightSource() = default;

  const LlamaConfig& config() const noexcept { return config_; }
  /// The type dense parameters are read in: float32 for a GGUF, what config.json or the file says for a
  /// folder.
  virtual at::ScalarType dtype() const = 0;
  /// Whether the linears come in NF4, those that config.json excepts aside.
  virtual bool quantized() const = 0;

  /// A parameter's values in the file's floating type (fp32 where it is in blocks or NF4), finite, read-only:
  /// they may lie in the mapped file, whose pages are given back when the tensor dies. FileError names
  /// tensor, rule and shape.
  virtual at::Tensor dense(const std::string& name, const std::vector<std::int64_t>& shape) = 0;
  /// The matrix as the file packs it, in NF4 or in ggml's blocks, mapped where the layout allows; nothing
  /// where it is dense there. Its scales are finite.
  virtual std::optional<kernels::Weight> packed(const std::string& name, LinearShape shape) = 0;
  virtual StoredAs stored(const std::string& name) const = 0;
  /// FileError when a tensor of the file was not asked for, except for `rotary_emb.inv_freq` and a copy of a
  /// tied embedding in lm_head.weight.
  virtual void finish() = 0;

 protected:
  explicit WeightSource(LlamaConfig config) : config_(std::move(config)) {}

 private:
  LlamaConfig config_;
};

/// FileError unless every value is finite. `file`: where the tensor is from.
void require_finite(const at::Tensor& values, const std::string& name, const std::string& file);

}  // namespace routedk::model
