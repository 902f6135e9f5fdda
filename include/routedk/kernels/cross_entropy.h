/// Cross-entropy of rows of logits; the gradient of a row is computed with its loss.
#pragma once

#include <ATen/ATen.h>

namespace routedk::kernels {

/// What the rows should predict.
struct TokenTargets {
  at::Tensor tokens;       // [n] I64
  at::Tensor weights;      // [n] F32 weight of each row's loss in the gradient; undefined: 1
  double smoothing = 0.0;  ///< e: the target is (1 - e) one-hot + e / V
};

struct TokenLosses {
  at::Tensor losses;    // [n] F32
  at::Tensor unsmooth;  // [n] F32: losses without smoothing
  at::Tensor gradient;  // [n,V] of the weighted losses; undefined if not requested
};

/// logits [n,V] F32, overwritten. The gradient is F32 on the CPU, `gradient_type` on a GPU.
TokenLosses cross_entropy(const at::Tensor& logits, const TokenTargets& targets, bool with_gradient,
                          at::ScalarType gradient_type = at::kFloat);

}  // namespace routedk::kernels
