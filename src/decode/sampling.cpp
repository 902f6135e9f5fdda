#include "routedk/decode/sampling.h"

#include "routedk/core/error.h"

#include <vector>

namespace routedk::decode {

void require_token(text::TokenId token, std::int64_t vocabulary) {
  if (token < 0 || token >= vocabulary) {
    throw_<ConfigError>(
        "a token of the answer must be one of the model's {}, but is number {} instead: "
        "the tokenizer has more tokens than the model",
        vocabulary, token);
  }
}

Draw draw_allowed(std::span<const float> allowed, double log_sum,
                  std::span<const text::TokenAutomaton::Edge> edges, const SamplingOptions& options,
                  Random random) {
  const std::size_t chosen = kernels::draw_index(allowed, options, random.uniform());
  const double value = allowed[chosen];
  return {edges[chosen].token, edges[chosen].next, value - log_sum, value - kernels::log_sum_exp(allowed)};
}

Draw draw_constrained(std::span<const float> logits, double log_sum,
                      std::span<const text::TokenAutomaton::Edge> edges, const SamplingOptions& options,
                      Random random) {
  std::vector<float> allowed;
  for (const auto& edge : edges) {
    require_token(edge.token, std::ssize(logits));
    allowed.push_back(logits[static_cast<std::size_t>(edge.token)]);
  }
  return draw_allowed(allowed, log_sum, edges, options, random);
}

Draw draw_free(std::span<const float> logits, double log_sum, const SamplingOptions& options, Random random) {
  const std::size_t chosen = kernels::draw_index(logits, options, random.uniform());
  const double logprob = logits[chosen] - log_sum;
  return {static_cast<text::TokenId>(chosen), 0, logprob, logprob};
}

}  // namespace routedk::decode
