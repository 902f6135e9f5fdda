/// Sampling from logits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// softmax(logits / temperature) and the tokens that are kept, in transformers' order (llama.cpp applies the
/// temperature last): temperature, then top_k, then top_p of what top_k kept, then min_p. Each keeps the
/// likeliest tokens, the lower ids among equals, and at least one.
struct SamplingOptions {
  double temperature = 0.7;  ///< 0 is greedy, whatever the other options
  std::int64_t top_k = 0;    ///< keep this many of the likeliest; 0: all
  double top_p = 1.0;        ///< keep the fewest that reach this probability (arXiv 1904.09751); 1: all
  double min_p = 0.0;        ///< least probability relative to the likeliest (arXiv 2407.01082); 0: all
};

/// log(sum(e^value)); NaN if any value is.
double log_sum_exp(std::span<const float> values);
/// log_sum_exp of each row of logits [n,V] F32, on any device.
std::vector<double> log_sum_exps(const at::Tensor& logits);

/// The index drawn where `uniform`, from 0 to 1, falls in the distribution of the tokens that the options
/// keep. Temperature 0 takes the largest value, the first among equals.
std::size_t draw_index(std::span<const float> values, const SamplingOptions& options, double uniform);

/// One draw from a row of logits.
struct RowDraw {
  std::int64_t row;
  double uniform;  ///< from 0 to 1
};
struct Drawn {
  std::int64_t column;
  float value;     ///< the logit
  double log_sum;  ///< log_sum_exp of its row
};
/// draw_index of each draw, from logits [n,V] F32, on the device that holds them. A GPU's exponentials may
/// differ from the CPU's in the last bit.
std::vector<Drawn> draw_rows(const at::Tensor& logits, std::span<const RowDraw> draws,
                             const SamplingOptions& options);

struct LogitPlace {
  std::int64_t row;
  std::int64_t column;
};
/// The logits at the given places of [n,V] F32, on any device.
std::vector<float> logits_at(const at::Tensor& logits, std::span<const LogitPlace> places);

}  // namespace routedk::kernels
