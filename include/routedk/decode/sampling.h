/// Drawing one token.
#pragma once

#include "routedk/core/random.h"
#include "routedk/text/token_automaton.h"

#include <cstdint>
#include <span>

namespace routedk::decode {

/// A drawn token and its log-probabilities at temperature 1: under the model, and among the allowed tokens.
struct Draw {
  text::TokenId token = 0;
  text::TokenAutomaton::State next = 0;
  double logprob = 0.0;
  double constrained_logprob = 0.0;
};

/// log(sum(e^value)); NaN where a value is.
double log_sum_exp(std::span<const float> values);

/// logits [V] of the model and their log_sum_exp. `edges`: the tokens that may follow. Temperature 0 takes
/// the likeliest (the lower id on a tie); otherwise draws from softmax(logits / temperature) over the edges.
Draw draw_constrained(std::span<const float> logits, double log_sum,
                      std::span<const text::TokenAutomaton::Edge> edges, double temperature, Random random);
/// The same over the whole vocabulary; `next` is unused.
Draw draw_free(std::span<const float> logits, double log_sum, double temperature, Random random);

}  // namespace routedk::decode
