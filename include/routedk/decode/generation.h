/// Input and output of a decoder.
#pragma once

#include "routedk/decode/sampling.h"
#include "routedk/text/token_automaton.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::decode {

struct Prompt {
  std::vector<text::TokenId> ids;
  std::uint64_t key = 0;                      ///< keys the random draws, with the seed, sample and position
  text::TokenAutomaton* automaton = nullptr;  ///< which tokens may follow; nullptr: no grammar
};

struct GenerateOptions {
  std::int64_t samples = 4;       // N
  std::int64_t first_sample = 0;  ///< number of the first: the samples equal those with these numbers in a
                                  ///< larger request
  SamplingOptions sampling;
  std::int64_t max_new_tokens = 256;        ///< fewer if the model's context ends first
  text::TokenId end_of_turn = 0;            ///< the one with which automata end
  std::vector<text::TokenId> other_ends{};  ///< also end an answer without a grammar
  std::uint64_t seed = 1;
  /// Keep the mean of the final hidden states, after the norm, over each answer's tokens: those of `ids`,
  /// without the last one if max_new_tokens cut the answer off. Empty if no token is left.
  bool pool_hidden = false;
  /// Receives each token of each sample, including the end-of-turn token, as soon as it is drawn or forced;
  /// an exception that it throws ends the generation.
  std::function<void(std::size_t prompt, std::int64_t sample, text::TokenId token)> on_token{};

  /// Whether the token ends an answer.
  bool ends(text::TokenId token) const {
    return token == end_of_turn || std::find(other_ends.begin(), other_ends.end(), token) != other_ends.end();
  }
};

struct Candidate {
  std::vector<text::TokenId> ids;    ///< without the token that ends the answer
  double logprob = 0.0;              ///< summed over all tokens at temperature 1, without the grammar
  double constrained_logprob = 0.0;  ///< the same, normalised over the allowed tokens
  bool finished = false;             ///< by a token that ends answers, not by a limit
  std::vector<float> pooled;         // [D] see GenerateOptions::pool_hidden; empty without
};

struct Generation {
  std::vector<Candidate> candidates;  // [N]
  at::Tensor alpha;                   // [L,K] F32: the prompt's gate rows
};

}  // namespace routedk::decode
