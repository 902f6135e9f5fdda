/// The operations of this layer on each device. An operation is a function in include/routedk/kernels, whose
/// .cpp file here checks and dispatches; cpu/ and cuda/ hold the maths.
#pragma once

#include "routedk/kernels/adamw.h"
#include "routedk/kernels/attention.h"
#include "routedk/kernels/cross_entropy.h"
#include "routedk/kernels/dropout.h"
#include "routedk/kernels/kv_cache.h"
#include "routedk/kernels/linear.h"
#include "routedk/kernels/rotary.h"
#include "routedk/kernels/sampling.h"
#include "routedk/kernels/weight.h"

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::kernels {

struct NormOutput {
  at::Tensor y;      // [T,D]
  at::Tensor scale;  // [T]: 1 / rms of each row, in the type of the sums
};
struct NormInput {
  const at::Tensor& x;       // [T,D], or y
  const at::Tensor& weight;  // [D]
  const at::Tensor& scale;   // [T]
  bool is_output = false;    ///< x is really y, on a GPU
};

enum class Direction : std::int8_t { kBack = -1, kForward = 1 };

struct AttentionInput {
  at::Tensor q;  // [T,H,C] contiguous, like k and v
  at::Tensor k;  // [T,G,C]
  at::Tensor v;  // [T,G,C]
  std::vector<Segment> segments;
  Precision precision;
};
struct AttentionOutput {
  at::Tensor out;       // [T,H,C]
  at::Tensor log_sums;  // [T,H]: of e^score over what each query sees
};
struct AttentionGradients {
  at::Tensor q;  // [T,H,C]
  at::Tensor k;  // [T,G,C]
  at::Tensor v;  // [T,G,C]
};

namespace cpu {
#include "operations.inc"
}
namespace cuda {
// NOLINTNEXTLINE(readability-duplicate-include): each device declares them
#include "operations.inc"
}  // namespace cuda

}  // namespace routedk::kernels
