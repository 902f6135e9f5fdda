#include "routedk/decode/sampling.h"

#include "routedk/core/softmax.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace routedk::decode {
namespace {

/// Sum of e^(value - largest): 16 partial sums over each stretch, the stretches in fp64.
ROUTEDK_CLONES double sum_of_exponentials(const float* values, std::size_t count, float largest) {
  constexpr std::size_t kLanes = 16;
  constexpr std::size_t kStretch = 1024;
  double total = 0.0;
  for (std::size_t begin = 0; begin < count; begin += kStretch) {
    const std::size_t end = std::min(begin + kStretch, count);
    float lanes[kLanes] = {};
    std::size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        lanes[lane] += exponential(values[i + lane] - largest);
      }
    }
    for (const float lane : lanes) {
      total += static_cast<double>(lane);
    }
    for (; i < end; ++i) {
      total += static_cast<double>(exponential(values[i] - largest));
    }
  }
  return total;
}

ROUTEDK_CLONES float largest_of(const float* values, std::size_t count) {
  return largest_value(values, static_cast<std::int64_t>(count), values[0]);
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

double log_sum_exp(std::span<const float> values) {
  const float largest = largest_of(values.data(), values.size());
  return largest + std::log(sum_of_exponentials(values.data(), values.size(), largest));
}

Draw draw_constrained(std::span<const float> logits, double log_sum,
                      std::span<const text::TokenAutomaton::Edge> edges, double temperature, Random random) {
  std::vector<float> allowed;
  for (const auto& edge : edges) {
    allowed.push_back(logits[static_cast<std::size_t>(edge.token)]);
  }
  const std::size_t chosen = draw_index(allowed, temperature, random);
  const double value = allowed[chosen];
  return {edges[chosen].token, edges[chosen].next, value - log_sum, value - log_sum_exp(allowed)};
}

Draw draw_free(std::span<const float> logits, double log_sum, double temperature, Random random) {
  const std::size_t chosen = draw_index(logits, temperature, random);
  const double logprob = logits[chosen] - log_sum;
  return {static_cast<text::TokenId>(chosen), 0, logprob, logprob};
}

}  // namespace routedk::decode
