/// Cross-entropy of rows of logits, each row's gradient made with its loss.
#pragma once

#include <ATen/ATen.h>

namespace routedk::kernels {

/// What the rows are to predict.
struct TokenTargets {
  at::Tensor tokens;       // [n] I64
  at::Tensor weights;      // [n] F32 of each row's loss in the gradient; undefined: 1
  double smoothing = 0.0;  ///< e: the target is (1 - e) one-hot + e / V
};

struct TokenLosses {
  at::Tensor losses;    // [n] F32
  at::Tensor unsmooth;  // [n] F32: without smoothing
  at::Tensor gradient;  // [n,V] of the weighted losses; undefined where it was not wanted
};

/// logits [n,V] F32, which are overwritten. The gradient is F32, on a GPU of `gradient_type`.
TokenLosses cross_entropy(const at::Tensor& logits, const TokenTargets& targets, bool with_gradient,
                          at::ScalarType gradient_type = at::kFloat);

}  // namespace routedk::kernels
