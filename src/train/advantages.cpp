#include "advantages.h"

#include <algorithm>
#include <numeric>

namespace routedk::train {

std::int64_t sample_count(const PromptSamples& samples) {
  return std::accumulate(samples.begin(), samples.end(), std::int64_t{0},
                         [](std::int64_t sum, const SampledAnswer& answer) { return sum + answer.count; });
}

std::vector<double> leave_one_out(const PromptSamples& samples, const std::vector<double>& rewards) {
  const auto [least, most] = std::minmax_element(rewards.begin(), rewards.end());
  std::vector<double> advantages(samples.size(), 0.0);
  if (*least == *most) {
    return advantages;
  }
  double sum = 0.0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    sum += static_cast<double>(samples[i].count) * rewards[i];
  }
  const auto others = static_cast<double>(sample_count(samples) - 1);
  std::transform(rewards.begin(), rewards.end(), advantages.begin(),
                 [&](double reward) { return reward - (sum - reward) / others; });
  return advantages;
}

}  // namespace routedk::train
