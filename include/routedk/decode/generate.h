/// N samples per prompt for little more than the price of one: each prompt is prefilled once, samples that
/// have written the same tokens so far are one branch and computed once, and runs of forced tokens are fed in
/// one piece.
#pragma once

#include "routedk/decode/int8_model.h"
#include "routedk/decode/kernels.h"
#include "routedk/decode/sampling.h"
#include "routedk/experts/routed_model.h"
#include "routedk/text/token_automaton.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace routedk::decode {

struct Prompt {
  std::vector<text::TokenId> ids;
  std::uint64_t key = 0;                      ///< keys the random draws, with the seed, sample and position
  text::TokenAutomaton* automaton = nullptr;  ///< which tokens may follow; nullptr decodes freely
};

struct GenerateOptions {
  std::int64_t samples = 4;  // N
  SamplingOptions sampling;
  std::int64_t max_new_tokens = 256;
  text::TokenId end_of_turn = 0;
  std::uint64_t seed = 1;
  /// Keep the mean of the final hidden states, after the norm, of each answer's tokens: those of `ids` but
  /// the last one of an answer that max_new_tokens cut off. Empty where that leaves none.
  bool pool_hidden = false;
  /// Hears each token of each sample as soon as it is drawn or forced, the end-of-turn token too; what it
  /// throws ends the generation.
  std::function<void(std::size_t prompt, std::int64_t sample, text::TokenId token)> on_token{};
};

struct Candidate {
  std::vector<text::TokenId> ids;    ///< without the end-of-turn token
  double logprob = 0.0;              ///< summed over all tokens at temperature 1, under the model alone
  double constrained_logprob = 0.0;  ///< the same among the allowed tokens
  bool finished = false;             ///< ended by the end-of-turn token, not by max_new_tokens
  std::vector<float> pooled;         // [D] see GenerateOptions::pool_hidden; empty without
};

struct Generation {
  std::vector<Candidate> candidates;  // [N]
  at::Tensor alpha;                   // [L,K] F32: the prompt's gate rows
};

/// Writes answers. What it draws for a sample depends on the prompt's ids and key, the seed and the sample's
/// number: in fp32 and in 8 bits the same bits come out whatever other samples and prompts are beside it (the
/// gate's own products, one row a prompt, are LibTorch's).
class Decoder {
 public:
  /// Copies the weights where `kernels` wants another layout. `model` must live as long and not change.
  Decoder(const experts::RoutedModel& model, Kernels kernels);

  /// One Generation per prompt. ConfigError when prompt and answer can exceed the model's context.
  std::vector<Generation> generate(const experts::Gate& gate, std::span<const Prompt> prompts,
                                   const GenerateOptions& options) const;

  const experts::RoutedModel& model() const noexcept { return model_; }
  /// "int8, avx512-vnni" or "float32" and so on: what runs.
  std::string path() const;

  /// Tokens through the layers, attention through the cache.
  experts::RoutedOutput forward(const model::FlatBatch& batch, const experts::Gate& gate,
                                std::span<const CacheRow> rows, KvCache& cache) const;
  /// hidden [n,D] -> logits [n,V] F32
  at::Tensor logits(const at::Tensor& hidden) const;

 private:
  const experts::RoutedModel& model_;
  std::unique_ptr<Int8Model> int8_;
};

/// With the reference kernels.
std::vector<Generation> generate(const experts::RoutedModel& model, const experts::Gate& gate,
                                 std::span<const Prompt> prompts, const GenerateOptions& options);

}  // namespace routedk::decode
