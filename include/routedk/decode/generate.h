/// N samples per prompt: each prompt is prefilled once, its keys, values and alpha shared by its samples.
#pragma once

#include "routedk/decode/sampling.h"
#include "routedk/experts/routed_model.h"
#include "routedk/text/token_automaton.h"

#include <cstdint>
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

/// One Generation per prompt, independent of which prompts share the batch (up to rounding of the products).
/// ConfigError when prompt and answer can exceed the model's context.
std::vector<Generation> generate(const experts::RoutedModel& model, const experts::Gate& gate,
                                 std::span<const Prompt> prompts, const GenerateOptions& options);

}  // namespace routedk::decode
