/// The frozen Llama. Everything that varies is given to `forward` as two functions: how queries meet keys
/// (training, prefill, cached decoding) and what is added to the frozen linears (the experts).
#pragma once

#include "routedk/model/batch.h"
#include "routedk/model/config.h"
#include "routedk/model/layer.h"
#include "routedk/model/load_options.h"

#include <filesystem>
#include <functional>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::model {

class Backbone {
 public:
  /// Reads a GGUF file or a Hugging Face folder tensor by tensor. Strict: every tensor of the file is used,
  /// every parameter filled. `held_in_nf4` says which linears are held in NF4; those that the file packs so
  /// are taken as they are.
  static Backbone load(const std::filesystem::path& path, const LoadOptions& options);

  /// A model of any shape with normal(0, 0.02) weights and unit norms, for tests and benchmarks.
  static Backbone random(const LlamaConfig& config, const LoadOptions& options, std::uint64_t seed);

  /// ids [T], positions [T] -> last hidden states after the final norm [T,D], or with `keep` [A] those of
  /// these rows [A,D]: after the last layer's attention no row needs another, so the rest is left out.
  /// `run` runs each layer; an empty function adapts nothing.
  at::Tensor forward(const at::Tensor& ids, const at::Tensor& positions, const AttendFn& attend,
                     const RunFn& run = {}, const at::Tensor& keep = {}) const;
  /// hidden [n,D] -> logits [n,V] in fp32.
  at::Tensor logits(const at::Tensor& hidden) const;

  const LlamaConfig& config() const noexcept { return config_; }
  at::ScalarType dtype() const noexcept { return embedding_.scalar_type(); }
  /// Bytes of all weights held.
  std::int64_t bytes() const noexcept;
  const std::vector<Layer>& layers() const noexcept { return layers_; }
  const at::Tensor& embedding() const noexcept { return embedding_; }  // [V,D]
  const at::Tensor& head() const noexcept { return head_; }  // [V,D], the embedding itself when tied
  const at::Tensor& norm() const noexcept { return norm_; }  // [D]

 private:
  LlamaConfig config_;
  at::Tensor embedding_;  // [V,D]
  at::Tensor head_;       // [V,D]
  at::Tensor norm_;       // [D]
  Rotary rotary_;
  std::vector<Layer> layers_;
};

}  // namespace routedk::model
