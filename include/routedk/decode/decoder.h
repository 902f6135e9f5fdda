/// N samples per prompt for little more than the price of one: each prompt is prefilled once, samples that
/// have written the same tokens so far are one branch and computed once, and runs of forced tokens are fed in
/// one piece.
#pragma once

#include "routedk/decode/generation.h"
#include "routedk/decode/kernels.h"
#include "routedk/experts/routed_model.h"
#include "routedk/kernels/kv_cache.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace routedk::decode {

class Engine;

/// Writes answers. What it draws for a sample depends on the prompt's ids and key, the seed and the sample's
/// number: in fp32 and in 8 bits the same bits come out whatever other samples and prompts are beside it (the
/// gate's own products, one row per prompt, are LibTorch's).
class Decoder {
 public:
  /// Copies the weights where `kernels` wants another layout. `model` must live as long and not change.
  Decoder(const experts::RoutedModel& model, Kernels kernels);
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder();

  /// One Generation per prompt; under a gate of several members (an ensemble) every token takes a pass under
  /// each, and next-token distributions, hidden states and alpha are the members' means. An answer ends at
  /// the latest where the model's context does. ConfigError when a prompt leaves no room for a token there,
  /// or the tokenizer has a token that the model has not.
  std::vector<Generation> generate(const experts::Gate& gate, std::span<const Prompt> prompts,
                                   const GenerateOptions& options) const;

  const experts::RoutedModel& model() const noexcept { return model_; }
  /// "int8, avx512-vnni" or "float32" and so on: what runs.
  std::string path() const;
  /// Whether steps give the same bits on any number of threads.
  bool any_threads() const;
  /// Bytes of weights that a pass of one token and its logits read, of all experts or of none.
  std::int64_t bytes_per_token(bool experts) const;

  /// Room for prompts of these lengths [S] and their branches.
  kernels::KvCache make_cache(std::vector<std::int64_t> prompt_lengths) const;
  /// A batch on the CPU through the layers, attention through the cache; rows [T] say where each token
  /// stands.
  experts::RoutedOutput forward(const model::FlatBatch& batch, const experts::Gate& gate,
                                std::span<const kernels::CacheRow> rows, kernels::KvCache& cache) const;
  /// hidden [n,D], of the last pass -> logits [n,V] F32 on the model's device, until the next pass
  at::Tensor logits(const at::Tensor& hidden) const;

 private:
  const experts::RoutedModel& model_;
  std::unique_ptr<Engine> engine_;
};

/// With the reference kernels.
std::vector<Generation> generate(const experts::RoutedModel& model, const experts::Gate& gate,
                                 std::span<const Prompt> prompts, const GenerateOptions& options);

}  // namespace routedk::decode
