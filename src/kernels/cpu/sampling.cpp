#include "routedk/kernels/sampling.h"

#include "routedk/kernels/cpu/softmax.h"
#include "routedk/kernels/parallel.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <vector>

#include "../devices.h"

namespace routedk::kernels {
namespace {

using cpu::exponential;
using cpu::largest_value;

/// Sum of e^(value - largest): 16 partial sums per stretch, the stretches summed in fp64.
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

/// e^((value - largest) / temperature) of each value.
ROUTEDK_CLONES void exponentials(const float* values, std::size_t count, float largest, float inverse,
                                 float* weights) {
  for (std::size_t i = 0; i < count; ++i) {
    weights[i] = exponential((values[i] - largest) * inverse);
  }
}

std::size_t likeliest(std::span<const float> values) {
  const float largest = largest_of(values.data(), values.size());
  const auto at = std::find(values.begin(), values.end(), largest);
  return std::min(static_cast<std::size_t>(at - values.begin()), values.size() - 1);  // NaN equals nothing
}

/// softmax(values / temperature) times a constant, so that the largest is 1.
std::vector<float> weights_of(std::span<const float> values, double temperature) {
  std::vector<float> weights(values.size());
  exponentials(values.data(), values.size(), largest_of(values.data(), values.size()),
               static_cast<float>(1.0 / temperature), weights.data());
  return weights;
}

ROUTEDK_CLONES double sum_of_weights(const float* weights, std::size_t count) {
  constexpr std::size_t kLanes = 16;
  double lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] += static_cast<double>(weights[i + lane]);
    }
  }
  for (; i < count; ++i) {
    lanes[0] += static_cast<double>(weights[i]);
  }
  return std::accumulate(lanes, lanes + kLanes, 0.0);
}

/// The index where the running sum first exceeds `uniform` of the total. Sums of stretches, which vectorise,
/// tell in which stretch to look.
std::size_t place_of(std::span<const float> weights, double uniform) {
  constexpr std::size_t kStretch = 1024;
  std::vector<double> sums;
  for (std::size_t begin = 0; begin < weights.size(); begin += kStretch) {
    sums.push_back(sum_of_weights(weights.data() + begin, std::min(kStretch, weights.size() - begin)));
  }
  const double wanted = uniform * std::accumulate(sums.begin(), sums.end(), 0.0);
  double sum = 0.0;
  std::size_t stretch = 0;
  while (stretch + 1 < sums.size() && sum + sums[stretch] <= wanted) {
    sum += sums[stretch++];
  }
  std::size_t last = stretch * kStretch;  // with a weight: rounding may leave the sum just below
  for (std::size_t i = last; i < std::min(weights.size(), (stretch + 1) * kStretch); ++i) {
    sum += static_cast<double>(weights[i]);
    if (sum > wanted) {
      return i;
    }
    last = weights[i] > 0.0F ? i : last;
  }
  return last;
}

/// Indices by falling weight, equals by rising index; those from `sorted` on in any order.
std::vector<std::size_t> by_weight(const std::vector<float>& weights, std::size_t sorted) {
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(sorted), order.end(),
                    [&](std::size_t a, std::size_t b) {
                      return weights[a] > weights[b] || (weights[a] == weights[b] && a < b);
                    });
  return order;
}

/// Sets the weights of the tokens that the options drop to 0.
void drop_unlikely(std::vector<float>& weights, const SamplingOptions& options) {
  if (options.top_k == 0 && options.top_p >= 1.0 && options.min_p <= 0.0) {
    return;
  }
  const std::size_t k =
      options.top_k == 0 ? weights.size() : std::min(static_cast<std::size_t>(options.top_k), weights.size());
  const std::vector<std::size_t> order = by_weight(weights, k);
  double total = 0.0;
  for (std::size_t i = 0; i < k; ++i) {
    total += static_cast<double>(weights[order[i]]);
  }
  std::size_t kept = 1;
  auto reached = static_cast<double>(weights[order[0]]);
  while (kept < k && (options.top_p >= 1.0 || reached < options.top_p * total) &&
         static_cast<double>(weights[order[kept]]) >= options.min_p) {
    reached += static_cast<double>(weights[order[kept++]]);
  }
  for (std::size_t i = kept; i < order.size(); ++i) {
    weights[order[i]] = 0.0F;
  }
}

}  // namespace

double log_sum_exp(std::span<const float> values) {
  const float largest = largest_of(values.data(), values.size());
  return largest + std::log(sum_of_exponentials(values.data(), values.size(), largest));
}

std::size_t draw_index(std::span<const float> values, const SamplingOptions& options, double uniform) {
  if (options.temperature == 0.0 || values.size() == 1) {
    return likeliest(values);
  }
  std::vector<float> weights = weights_of(values, options.temperature);
  drop_unlikely(weights, options);
  return place_of(weights, uniform);
}

namespace cpu {

std::vector<double> log_sum_exps(const at::Tensor& logits) {
  std::vector<double> sums(static_cast<std::size_t>(logits.size(0)));
  const auto* const values = logits.const_data_ptr<float>();
  const auto width = static_cast<std::size_t>(logits.size(1));
  for_each_in_parallel(logits.size(0), [&](std::int64_t row) {
    sums[static_cast<std::size_t>(row)] =
        log_sum_exp({values + static_cast<std::size_t>(row) * width, width});
  });
  return sums;
}

std::vector<Drawn> draw_rows(const at::Tensor& logits, std::span<const RowDraw> draws,
                             const SamplingOptions& options) {
  const auto width = static_cast<std::size_t>(logits.size(1));
  const auto* const values = logits.const_data_ptr<float>();
  std::vector<double> sums(static_cast<std::size_t>(logits.size(0)));
  std::vector<std::int64_t> rows;  // the rows drawn from
  std::transform(draws.begin(), draws.end(), std::back_inserter(rows),
                 [](const RowDraw& d) { return d.row; });
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  for_each_in_parallel(std::ssize(rows), [&](std::int64_t i) {
    const auto row = static_cast<std::size_t>(rows[static_cast<std::size_t>(i)]);
    sums[row] = log_sum_exp({values + row * width, width});
  });
  std::vector<Drawn> drawn(draws.size());
  for_each_in_parallel(std::ssize(draws), [&](std::int64_t place) {
    const auto i = static_cast<std::size_t>(place);
    const std::span<const float> row(values + static_cast<std::size_t>(draws[i].row) * width, width);
    const std::size_t column = draw_index(row, options, draws[i].uniform);
    drawn[i] = {static_cast<std::int64_t>(column), row[column], sums[static_cast<std::size_t>(draws[i].row)]};
  });
  return drawn;
}

}  // namespace cpu
}  // namespace routedk::kernels
