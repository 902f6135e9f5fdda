/// Drawing one token.
#pragma once

#include "routedk/core/random.h"
#include "routedk/kernels/sampling.h"
#include "routedk/text/token_automaton.h"

#include <span>

namespace routedk::decode {

using kernels::SamplingOptions;

/// A drawn token and its log-probabilities at temperature 1: under the model, and normalised over the allowed
/// tokens. Both ignore the sampling options.
struct Draw {
  text::TokenId token = 0;
  text::TokenAutomaton::State next = 0;
  double logprob = 0.0;
  double constrained_logprob = 0.0;
};

/// ConfigError if the model does not have the token.
void require_token(text::TokenId token, std::int64_t vocabulary);
/// allowed: the logits of the edges' tokens; log_sum: log_sum_exp of all logits. Temperature 0 takes the most
/// likely (ties: the first); otherwise draws.
Draw draw_allowed(std::span<const float> allowed, double log_sum,
                  std::span<const text::TokenAutomaton::Edge> edges, const SamplingOptions& options,
                  Random random);
/// logits [V] of the model and their log_sum_exp. `edges`: the tokens that may follow; the options see only
/// these. Temperature 0 takes the most likely (ties: the first); otherwise draws.
Draw draw_constrained(std::span<const float> logits, double log_sum,
                      std::span<const text::TokenAutomaton::Edge> edges, const SamplingOptions& options,
                      Random random);
/// The same over the whole vocabulary; `next` is unused.
Draw draw_free(std::span<const float> logits, double log_sum, const SamplingOptions& options, Random random);

}  // namespace routedk::decode
