/// Drawing one token.
#pragma once

#include "routedk/core/random.h"
#include "routedk/text/token_automaton.h"

#include <cstdint>
#include <span>

namespace routedk::decode {

/// softmax(logits / temperature) and the tokens of it that are kept, in transformers' order (llama.cpp puts
/// the temperature last): temperature first, then top_k, top_p of what top_k left, min_p. Each keeps the
/// likeliest tokens, of equals the lower ids, and at least one.
struct SamplingOptions {
  double temperature = 0.7;  ///< 0 is greedy, whatever the others say
  std::int64_t top_k = 0;    ///< the likeliest so many; 0: all
  double top_p = 1.0;        ///< the fewest whose probabilities reach this (arXiv 1904.09751); 1: all
  double min_p = 0.0;  ///< those at least so likely relative to the likeliest (arXiv 2407.01082); 0: all
};

/// A drawn token and its log-probabilities at temperature 1: under the model, and among the allowed tokens.
/// Neither knows what the options dropped.
struct Draw {
  text::TokenId token = 0;
  text::TokenAutomaton::State next = 0;
  double logprob = 0.0;
  double constrained_logprob = 0.0;
};

/// log(sum(e^value)); NaN where a value is.
double log_sum_exp(std::span<const float> values);

/// logits [V] of the model and their log_sum_exp. `edges`: the tokens that may follow; the options see only
/// these. Temperature 0 takes the likeliest (the first on a tie); otherwise draws.
Draw draw_constrained(std::span<const float> logits, double log_sum,
                      std::span<const text::TokenAutomaton::Edge> edges, const SamplingOptions& options,
                      Random random);
/// The same over the whole vocabulary; `next` is unused.
Draw draw_free(std::span<const float> logits, double log_sum, const SamplingOptions& options, Random random);

}  // namespace routedk::decode
