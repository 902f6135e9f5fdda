/// N samples per prompt for little more than the cost of one: each prompt is prefilled once, samples with the
/// same tokens so far are one branch and computed once, and forced tokens are fed in one chunk.
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

/// Generates answers. A sample depends on the prompt's ids and key, the seed and the sample's number: in fp32
/// and in 8 bits its bits are the same with any other samples and prompts (the gate's own products, one row
/// per prompt, are LibTorch's).
class Decoder {
 public:
  /// Copies the weights if `kernels` needs another layout. `model` must outlive it and not change.
  Decoder(const experts::RoutedModel& model, Kernels kernels);
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder();

  /// One Generation per prompt. Under a gate with several members (an ensemble), every token takes one pass
  /// per member, and next-token distributions, hidden states and alpha are the members' means. Answers end at
  /// the latest at the end of the model's context. ConfigError if a prompt leaves no room for a token, or the
  /// tokenizer has a token that the model lacks.
  std::vector<Generation> generate(const experts::Gate& gate, std::span<const Prompt> prompts,
                                   const GenerateOptions& options) const;

  const experts::RoutedModel& model() const noexcept { return model_; }
  /// The kernels in use: "int8, avx512-vnni", "float32" and so on.
  std::string path() const;
  /// Whether steps give the same bits with any number of threads.
  bool any_threads() const;
  /// Bytes of weights read by a pass of one token and its logits, with all experts or none.
  std::int64_t bytes_per_token(bool experts) const;

  /// A cache for prompts of these lengths [S] and their branches.
  kernels::KvCache make_cache(std::vector<std::int64_t> prompt_lengths) const;
  /// Runs a batch on the CPU through the layers, with attention through the cache; rows [T] give each token's
  /// place in it.
  experts::RoutedOutput forward(const model::FlatBatch& batch, const experts::Gate& gate,
                                std::span<const kernels::CacheRow> rows, kernels::KvCache& cache) const;
  /// hidden [n,D] of the last pass -> logits [n,V] F32 on the model's device, valid until the next pass
  at::Tensor logits(const at::Tensor& hidden) const;

 private:
  const experts::RoutedModel& model_;
  std::unique_ptr<Engine> engine_;
};

/// Uses the reference kernels.
std::vector<Generation> generate(const experts::RoutedModel& model, const experts::Gate& gate,
                                 std::span<const Prompt> prompts, const GenerateOptions& options);

}  // namespace routedk::decode
