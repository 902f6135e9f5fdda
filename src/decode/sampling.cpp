#include "routedk/decode/sampling.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace routedk::decode {
namespace {

double log_sum_exp(std::span<const float> values) {
  const double largest = *std::max_element(values.begin(), values.end());
  double sum = 0.0;
  for (const float value : values) {
    sum += std::exp(static_cast<double>(value) - largest);
  }
  return largest + std::log(sum);
}

std::size_t likeliest(std::span<const float> values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

/// Inverse of the distribution function of softmax(values / temperature).
std::size_t draw_index(std::span<const float> values, double temperature, Random random) {
  if (temperature == 0.0 || values.size() == 1) {
    return likeliest(values);
  }
  const double largest = *std::max_element(values.begin(), values.end());
  std::vector<double> cumulative;
  cumulative.reserve(values.size());
  double sum = 0.0;
  for (const float value : values) {
    sum += std::exp((static_cast<double>(value) - largest) / temperature);
    cumulative.push_back(sum);
  }
  const auto at = std::upper_bound(cumulative.begin(), cumulative.end(), random.uniform() * sum);
  return std::min(static_cast<std::size_t>(at - cumulative.begin()), values.size() - 1);
}

}  // namespace

Draw draw_constrained(std::span<const float> logits, std::span<const text::TokenAutomaton::Edge> edges,
                      double temperature, Random random) {
  std::vector<float> allowed;
  for (const auto& edge : edges) {
    allowed.push_back(logits[static_cast<std::size_t>(edge.token)]);
  }
  const std::size_t chosen = draw_index(allowed, temperature, random);
  const double value = allowed[chosen];
  return {edges[chosen].token, edges[chosen].next, value - log_sum_exp(logits), value - log_sum_exp(allowed)};
}

Draw draw_free(std::span<const float> logits, double temperature, Random random) {
  const std::size_t chosen = draw_index(logits, temperature, random);
  const double logprob = logits[chosen] - log_sum_exp(logits);
  return {static_cast<text::TokenId>(chosen), 0, logprob, logprob};
}

}  // namespace routedk::decode
