/// The source of a model's parameters: a GGUF file or a Hugging Face folder behind one interface, one
/// parameter at a time, with Hugging Face's names and layout.
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

/// The format of a parameter in the file.
struct StoredAs {
  std::string type;  ///< "BF16", "Q4_K", "NF4" (with 8-bit scales "NF4 double")
  std::uint64_t bytes = 0;
  bool packed = false;  ///< in NF4 or ggml's blocks
};

class WeightSource {
 public:
  /// Opens a GGUF file, or a folder with config.json and model.safetensors or shards. FileError when it is
  /// neither, or not a Llama.
  static std::unique_ptr<WeightSource> open(const std::filesystem::path& path);

  WeightSource(const WeightSource&) = delete;
  WeightSource& operator=(const WeightSource&) = delete;
  virtual ~WeightSource() = default;

  const LlamaConfig& config() const noexcept { return config_; }
  /// The type that dense parameters are read in: float32 for a GGUF; for a folder as stated by config.json or
  /// the file.
  virtual at::ScalarType dtype() const = 0;
  /// Whether the linears are in NF4, except those that config.json excludes.
  virtual bool quantized() const = 0;

  /// A parameter's values in the file's floating type (fp32 if it is in blocks or NF4), finite, read-only:
  /// they may be in the mapped file, whose pages are released with the tensor. FileError names tensor, rule
  /// and shape.
  virtual at::Tensor dense(const std::string& name, const std::vector<std::int64_t>& shape) = 0;
  /// The matrix as packed in the file, in NF4 or ggml's blocks, mapped where the layout allows; nothing if it
  /// is dense in the file. Its scales are finite.
  virtual std::optional<kernels::Weight> packed(const std::string& name, LinearShape shape) = 0;
  virtual StoredAs stored(const std::string& name) const = 0;
  /// FileError when a tensor of the file was never requested, except for `rotary_emb.inv_freq` and a copy of
  /// a tied embedding in lm_head.weight.
  virtual void finish() = 0;

 protected:
  explicit WeightSource(LlamaConfig config) : config_(std::move(config)) {}

 private:
  LlamaConfig config_;
};

/// FileError unless every value is finite. `file` is where the tensor comes from.
void require_finite(const at::Tensor& values, const std::string& name, const std::string& file);

}  // namespace routedk::model
