/// The frozen Llama: its weights, and the computation before and after its layers.
#pragma once

#include "routedk/model/batch.h"
#include "routedk/model/config.h"
#include "routedk/model/layer.h"
#include "routedk/model/load_options.h"
#include "routedk/model/rotary.h"
#include "routedk/model/tensor_engine.h"

#include <filesystem>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::model {

class Backbone {
 public:
  /// Reads a GGUF file or a Hugging Face folder tensor by tensor. Strict: every tensor of the file is used,
  /// every parameter filled. `held_as` determines the format of the linears; embedding and head keep that of
  /// the file, or are dense under Quant::kNone.
  static Backbone load(const std::filesystem::path& path, const LoadOptions& options);

  /// A model of any shape with normal(0, 0.02) weights and unit norms, for tests and benchmarks. On a GPU the
  /// weights differ, and the seed of LibTorch's own generators changes.
  static Backbone random(const LlamaConfig& config, const LoadOptions& options, std::uint64_t seed);

  /// The whole batch, without adapters -> hidden states after the final norm [T,D].
  at::Tensor forward(const FlatBatch& batch) const;

  /// What the layers of a pass over the batch share; the caller may add a cache, its rows and the rows to
  /// keep.
  LayerPass layer_pass(const FlatBatch& batch) const;
  /// ids [T] -> the first layer's input [T,D]
  at::Tensor embed(const at::Tensor& ids) const { return kernels::embedding(ids, embedding_, dtype()); }
  /// The last layer's output [n,D] -> the head's input [n,D]
  at::Tensor final_norm(const at::Tensor& hidden) const;
  /// hidden [n,D] -> logits [n,V] in fp32.
  at::Tensor logits(const at::Tensor& hidden) const;

  const LlamaConfig& config() const noexcept { return config_; }
  at::Device device() const { return norm_.device(); }
  /// The type of the hidden states.
  at::ScalarType dtype() const noexcept { return norm_.scalar_type(); }
  /// The type of the linears' inputs and outputs: bfloat16 on a GPU where products round to it, else that of
  /// the hidden states.
  at::ScalarType operand_type() const;
  kernels::Precision precision() const noexcept { return head_.precision(); }
  /// Bytes of all weights.
  std::int64_t bytes() const;
  const std::vector<Layer>& layers() const noexcept { return layers_; }
  const kernels::Weight& embedding() const noexcept { return embedding_; }  // [V,D]
  const kernels::FrozenLinear& head() const noexcept { return head_; }      // [V,D], the embedding when tied
  const at::Tensor& norm() const noexcept { return norm_; }                 // [D]

 private:
  LlamaConfig config_;
  kernels::Weight embedding_;   // [V,D]
  kernels::FrozenLinear head_;  // [V,D], shares the embedding's memory when tied
  at::Tensor norm_;             // [D]
  Rotary rotary_;
  std::vector<Layer> layers_;
};

}  // namespace routedk::model
